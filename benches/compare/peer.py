"""FastAPI with fastapi-cache2 and Redis, as its README sets it up."""

import os

from fastapi import FastAPI
from fastapi_cache import FastAPICache
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.decorator import cache
from redis import asyncio as aioredis

app = FastAPI()


@app.get("/b{size}")
@cache(expire=3600)
async def body(size: int):
    return {"m": "x" * (size - 8)}


@app.on_event("startup")
async def startup():
    redis = aioredis.from_url(os.environ["REDIS_URL"], encoding="utf8", decode_responses=True)
    FastAPICache.init(RedisBackend(redis), prefix="compare")
