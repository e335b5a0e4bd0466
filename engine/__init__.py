"""Many particles -> events -> shards. ray appears only in engine/remote."""
