"""What every test relies on."""

import signal

# A shell that starts the suite in the background has it ignore SIGINT, and every program that it starts inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
