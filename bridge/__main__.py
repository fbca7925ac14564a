"""``python -m bridge`` always works: /sbin/bridge belongs to iproute2."""

from bridge.cli.main import main

if __name__ == "__main__":
    main()
