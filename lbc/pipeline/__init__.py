"""Which stages there are, what each read and wrote, and how they are run."""
