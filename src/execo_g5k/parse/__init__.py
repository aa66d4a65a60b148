"""Text of OAR tools -> records. Pure, fed by recorded output."""
