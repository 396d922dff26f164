"""FastAPI with fastapi-cache2 and Redis, as its README sets it up: plain paths, one process."""

import os

from fastapi import FastAPI
from fastapi_cache import FastAPICache
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.decorator import cache
from redis import asyncio as aioredis

app = FastAPI()


@app.get("/b28")
@cache(expire=3600)
async def small():
    return {"m": "x" * 20}


@app.get("/b1024")
@cache(expire=3600)
async def large():
    return {"m": "x" * 1016}


@app.on_event("startup")
async def startup():
    redis = aioredis.from_url(os.environ["REDIS_URL"], encoding="utf8", decode_responses=True)
    FastAPICache.init(RedisBackend(redis), prefix="compare")
