"""What `monsoon doctor` looks at: this machine, the configuration, Ray, the store."""
