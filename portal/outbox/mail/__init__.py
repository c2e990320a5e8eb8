"""Mail: rendered from a folder of templates, packed as a message, handed to a transport."""
