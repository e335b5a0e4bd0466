"""What of a campaign is on storage, and what is missing: plan, commits, retry, shards, audit."""
