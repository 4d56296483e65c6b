//! The wallet contracts of partners.
