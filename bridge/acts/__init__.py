"""What a person does: one file each, one unit of work, an actor for each.

declare          bridge.toml becomes versioned rows            import_mandates  a CSV becomes mandates, all or none
mandates         pause, resume, revoke                         hold             an invoice or its collection waits for a person
approve          sign a file's SHA-256                         confirm_upload   the file is at the bank
discard          a file that is not at the bank                resolve          close a Break with a sentence
undo_upload      a hand-over that did not happen               withdraw         the bank took debits back in writing
relearn          a restored backup learns which files left
accept, split    what a bank line is, or its parts             ignore           a line that is not ours
undo             an explanation is taken back                  release          a line goes back to the rules
use_credit       a customer's credit pays another invoice      give_back_credit its last use is taken back
write_off        two people give up what is open               users            add, role, disable; tokens
legal_hold       keep a debtor from being erased  erase            a debtor, by two people
keys             rotate what everything is sealed under; forget old ones

Which role may do which act is one table: ``rules.permissions``.
"""
