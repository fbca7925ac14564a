"""Bytes to records and back, streaming. No database, no network.

profiles   templates/banks/*.toml to BankProfile       schema         what the ISO schema says of a file
pain008    write a debit file, count it again          second_opinion sepaxml builds the same file and must agree
pain002    a status report                             camt           a statement, its entries in camt_entry
detect     which of these a file is                    safe_xml       the hardened way to read XML, element by element
unpack     the files in a ZIP or a gzip                xml_pieces      the same for long files, piece by piece
hledger    vouchers to a plain-text journal
"""
