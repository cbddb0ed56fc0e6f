"""What the commands share: environment, arguments, ports, texts for a terminal. No command lives here."""
