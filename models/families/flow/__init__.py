"""The conditional flow: visible energy, hit pixels, regions, pixels."""
