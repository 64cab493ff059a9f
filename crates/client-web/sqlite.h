/*
 * What the browser's build of SQLite leaves out, for everybody downloads it: extensions that the
 * store does not use, and every cipher but the one that it is sealed with (src/store.rs).
 * Read before SQLite's source, behind all that the command line defines.
 */
#undef SQLITE_ENABLE_API_ARMOR
#undef SQLITE_ENABLE_BYTECODE_VTAB
#undef SQLITE_ENABLE_COLUMN_METADATA
#undef SQLITE_ENABLE_DBPAGE_VTAB
#undef SQLITE_ENABLE_DBSTAT_VTAB
#undef SQLITE_ENABLE_MATH_FUNCTIONS
#undef SQLITE_ENABLE_OFFSET_SQL_FUNC
#undef SQLITE_ENABLE_PREUPDATE_HOOK
#undef SQLITE_ENABLE_RTREE
#undef SQLITE_ENABLE_SESSION
#undef SQLITE_ENABLE_STMTVTAB
#undef SQLITE_ENABLE_UNKNOWN_SQL_FUNCTION
#undef SQLITE_ENABLE_UNLOCK_NOTIFY
#define SQLITE_OMIT_JSON

#define HAVE_CIPHER_AES_128_CBC 0
#define HAVE_CIPHER_AES_256_CBC 0
#define HAVE_CIPHER_AEGIS 0
#define HAVE_CIPHER_ASCON128 0
#define HAVE_CIPHER_CHACHA20 1
#define HAVE_CIPHER_RC4 0
#define HAVE_CIPHER_SQLCIPHER 0
