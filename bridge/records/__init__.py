"""What a message says: frozen records, one file for each kind. A leaf: knows nothing of the rest.

invoice_log   a log of the EVM chain, raw and decoded, and what the contract says of itself
pain008       a direct-debit file as we send it: DebitFile > DebitBlock > DebitLine
pain002       a bank's status report: StatusReportHead, then StatusLines at three levels
camt          a bank statement: StatementHead, then StatementEntries with their EntryDetails
profile       what one bank takes and how (templates/banks/*.toml)

Money is int cents, dates are ``date``, instants are aware ``datetime``. Fields that hold personal data stay out of ``repr``.
"""
