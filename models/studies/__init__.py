"""What a generated sample is worth: pure functions of numbers, a question a file."""
