"""What `monsoon request` is made of: its file, its words, and the processes of a sample."""
