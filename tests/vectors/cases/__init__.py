"""What the vectors are about: one module per group of files, each with FILES."""
