"""The command line: translates, never decides. Heavy imports stand inside the functions, so that --help is quick.

main     the tree of commands, global options anywhere on the line, exit codes      call  what a command works with
screen   tables, amounts and JSON                                                    the rest: one file for each group of commands
"""
