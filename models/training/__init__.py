"""The training core. It knows no ray, and prints nothing."""
