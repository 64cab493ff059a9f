//! Signed public documents of Comity: what an account or a business shows to everyone.
//!
//! Always holds: nothing here is what one person says to another. Deliberately absent until
//! their features come: templates, catalogs, pages, ledger proofs.
