"""How a bank line is explained, by a rule or by a person, and how an explanation is taken back.

lines       what a line says and what of it is open         candidates  the collections it may be about
debts       what an invoice owes                            units       an explanation as moves, voucher and matches
standing    which explanations were not taken back
"""
