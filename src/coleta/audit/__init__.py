"""Stage 3, pure: do the books balance?"""
