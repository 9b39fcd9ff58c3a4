mod any_history;
mod exits;
mod loosened;
mod positions;
mod rules;
mod scene;
