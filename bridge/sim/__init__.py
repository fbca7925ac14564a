"""Product code for the demo, training and tests: machines that are used, a chain in this process, a bank that answers.

It has no Session. The bank (bank, bank_files) reads and writes files by itself, or it would only prove that we agree with
ourselves.
"""
