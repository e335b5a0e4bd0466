"""The state of a campaign on storage: plan, shards, commits, retry, audit, merging."""
