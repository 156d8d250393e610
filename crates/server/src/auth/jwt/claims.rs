//! The caller that the claims of a valid token name.

use context_manager_core::TenantId;
use serde_json::Value;

use crate::auth::denied::Denied;
use crate::auth::permission::{Permission, Permissions};
use crate::auth::principal::{Claim, Principal};
use crate::auth::user::BoundUser;
use crate::config::JwtConfig;

/// Maximum length of a subject: `OpenID` Connect Core 1.0, section 2, `sub`.
const MAX_SUBJECT_BYTES: usize = 255;

/// Returns the caller.
pub(super) fn principal(claims: &Value, config: &JwtConfig, claim: &Claim) -> Result<Principal, Denied> {
    if claims.get("cnf").is_some() {
        return Err(Denied::Token(
            "it is bound to a key of its bearer's, which is not asked for here",
        ));
    }
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| {
        (1..=MAX_SUBJECT_BYTES).contains(&subject.len()) && subject.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let subject = subject.ok_or(Denied::Token("its subject must be 1 to 255 visible ASCII characters"))?;
    let tenant = config.tenant.as_deref().or_else(|| text(claims, &config.tenant_claim));
    let tenant = tenant.and_then(|name| TenantId::try_new(name).ok());
    let tenant = tenant
        .filter(|tenant| !tenant.is_reserved())
        .ok_or(Denied::Token("it names no tenant"))?;
    let user = config
        .user_claim
        .as_deref()
        .map(|name| user(claims, name))
        .transpose()?;
    let id = format!("jwt:{subject}").into();
    let principal = match config.permissions {
        Some(permissions) => Principal::new(tenant, id, permissions),
        None => Principal::new(tenant, id, permissions(claims, config)).by_token(claim.clone()),
    };
    Ok(principal.bound_to(user))
}

/// Returns the user of a token. One without would reach everybody's contexts.
fn user(claims: &Value, name: &str) -> Result<BoundUser, Denied> {
    let user = text(claims, name).and_then(|user| user.parse().ok());
    user.ok_or(Denied::Token("it names no user"))
}

fn permissions(claims: &Value, config: &JwtConfig) -> Permissions {
    let words: Vec<&str> = match find(claims, &config.permissions_claim) {
        Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    let ours = words
        .into_iter()
        .filter_map(|word| word.strip_prefix(&config.permissions_prefix)?.parse().ok());
    Permissions::from(ours.collect::<Vec<Permission>>()).and(config.max_permissions)
}

fn text<'a>(claims: &'a Value, name: &str) -> Option<&'a str> {
    find(claims, name)?.as_str()
}

/// Finds a claim by its name, by a path with dots into nested objects, or by a JSON pointer. Names may have dots themselves:
/// those of some providers are URLs.
fn find<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    if name.starts_with('/') {
        return claims.pointer(name);
    }
    let nested = || {
        name.split('.')
            .try_fold(claims, |object, key| object.as_object()?.get(key))
    };
    claims.get(name).or_else(nested)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_found_by_name_path_or_pointer() {
        let claims = json!({
            "realm_access": {"roles": ["a"]},
            "https://id.example.com/tenant": "acme",
            "https://id": {"example": {"com/tenant": "other"}},
            "list": [{"0": "x"}],
        });
        for (name, found) in [
            ("realm_access.roles", Some(json!(["a"]))),
            ("/realm_access/roles/0", Some(json!("a"))),
            ("https://id.example.com/tenant", Some(json!("acme"))),
            ("realm_access", Some(json!({"roles": ["a"]}))),
            ("realm_access.roles.0", None),
            ("realm_access.", None),
            ("list.0.0", None),
            ("roles", None),
        ] {
            assert_eq!(find(&claims, name), found.as_ref(), "{name}");
        }
    }
}
