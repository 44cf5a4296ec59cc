"""What the manager remembers: tables (`tables`), and the database they lie in (`database`)."""
