//! The real program under what hostile clients do: it goes on serving the others, within bounds.

mod descriptors;
#[path = "../http_edge/floods.rs"]
mod flood_list;
mod floods;
#[path = "../http_edge/frames.rs"]
mod frames;
mod logs;
mod renders;
mod stops;
