//! Scopes of callers, which only authentication may make: code elsewhere could choose the tenant.

use super::problem::Problem;

/// The call that makes a scope.
const MAKES: &str = "Scope::authenticated(";

/// The only folder that may call it.
const AUTHENTICATION: &str = "crates/server/src/auth/";

/// The tests of stores, which are no part of the server.
const CONTRACT: &str = "crates/vector-store/src/contract/";

/// Finds shipped code elsewhere that makes a scope.
pub(super) fn check(place: &str, source: &str) -> Option<Problem> {
    let allowed = [AUTHENTICATION, CONTRACT, "xtask/"];
    if place.ends_with("/tests.rs") || allowed.iter().any(|folder| place.starts_with(folder)) {
        return None;
    }
    let shipped = source.split("#[cfg(test)]\n").next().unwrap_or_default();
    let makes = |line: &&str| line.contains(MAKES) && !line.trim_start().starts_with("//");
    shipped.lines().find(makes).map(|_| {
        Problem::new(
            place,
            format!("makes a caller's scope, which only {AUTHENTICATION} may"),
            "take the scope from the caller's `Principal`; background work has `Scope::maintenance`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "fn f() {\n    let scope = Scope::authenticated(tenant);\n}\n";

    #[test]
    fn a_scope_is_made_by_authentication_alone() {
        assert_eq!(check("crates/server/src/auth/principal.rs", CODE), None);
        let problem = check("crates/server/src/api/routes/contexts.rs", CODE).unwrap();
        assert!(problem.remedy.contains("Principal"), "{problem}");
    }

    #[test]
    fn tests_and_comments_are_exempt() {
        assert_eq!(
            check("crates/core/src/lib.rs", "//! let scope = Scope::authenticated(t);\n"),
            None
        );
        assert_eq!(
            check(
                "crates/core/src/a.rs",
                &format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{CODE}}}\n")
            ),
            None
        );
        assert_eq!(check("crates/core/src/engine/tests.rs", CODE), None);
        assert_eq!(check("crates/vector-store/src/contract/fixture.rs", CODE), None);
    }
}
