"""What people may ask of the database: a command is one module here and its name in ``registry``."""
