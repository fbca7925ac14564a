"""How a file gets to the bank and back. ``folder`` is the one that ships: an outbox a person or a job uploads from."""
