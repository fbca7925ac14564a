"""How a bank line is explained, by a rule or by a person, and how an explanation is taken back.

lines       what a line says and what of it is open         candidates  the collections it may be about
completed   its details, with what an advice adds
debts       what an invoice owes                            units       an explanation as moves, voucher and matches
by_hand     what a person says about a line                 undoing     the opposite of a whole voucher, and what follows
noted       rejections that are heard again then            standing    which explanations were not taken back
nameless    whom a detail without EndToEndId may mean
credit      of a customer, used for another invoice         beyond      Breaks about what lies beyond an invoice's amount
"""
