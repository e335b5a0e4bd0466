"""Tables: what their columns are, and the rows of Parquet, ROOT and CSV files."""
