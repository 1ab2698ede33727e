//! The checks of a description: that a verifier can read the signatures of its scheme, in one way
//! only.

use http::uri::PathAndQuery;

use super::{
    super::{
        BuildError, Scheme,
        checks::{check_none_repeated, check_signed_list, has_meaning},
        dialect::{is_key_id, known_derived},
    },
    SchemeBuilder,
};
use crate::{
    header::{DateHeader, HOP_BY_HOP, is_field_name},
    rejection::Excerpt,
    wire::{
        component::{Component, DerivedComponent},
        credentials::Carrier,
    },
};

impl SchemeBuilder {
    /// Makes all checks but those whose errors name the scheme.
    pub(super) fn check(&self) -> Result<(), BuildError> {
        self.check_carrier()?;
        self.check_name()?;
        self.check_auth_scheme()?;
        self.check_credentials_header()?;
        self.check_parameter_names()?;
        self.check_separator()?;
        self.check_algorithms()?;
        self.check_date_headers()?;
        self.check_derived_names()?;
        self.check_path_prefix()?;
        self.check_derived_components()?;
        self.check_default_names()
    }

    /// Refuses settings that a preset whose credentials are a JSON object cannot say.
    fn check_carrier(&self) -> Result<(), BuildError> {
        if !matches!(self.nearest.dialect().syntax.carrier, Carrier::Json(_)) {
            return Ok(());
        }
        let has_words = self.auth_scheme.is_some()
            || self.separator.is_some()
            || self.nonce_parameter.is_some();
        let has_rules =
            self.any_parameter_order.is_some() || self.ignore_unknown_parameters.is_some();
        // Neither the algorithm nor the list is sent, so a verifier could not know which algorithm
        // was used, or how the date's name was spelled.
        let algorithms = self.algorithms.as_ref().map_or(1, Vec::len);
        if has_words || has_rules || algorithms > 1 || self.keep_name_case == Some(true) {
            return Err(BuildError::NoParameters);
        }
        // The date is a member of the object too, named as its header.
        match &self.key_id_parameter {
            Some(name) if name.parse::<DateHeader>().is_ok() => {
                let name = Excerpt::new(name);
                Err(BuildError::KeyIdParameter { name })
            }
            _ => Ok(()),
        }
    }

    fn check_name(&self) -> Result<(), BuildError> {
        let is_of_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_name = !self.name.is_empty() && self.name.bytes().all(is_of_name);
        let is_preset = self.name.parse::<Scheme>().is_ok();
        if is_name && !is_preset {
            return Ok(());
        }
        let name = Excerpt::new(&self.name);
        Err(BuildError::SchemeName { name })
    }

    fn check_auth_scheme(&self) -> Result<(), BuildError> {
        match &self.auth_scheme {
            Some(word) if !is_field_name(word) => {
                let word = Excerpt::new(word);
                Err(BuildError::AuthScheme { word })
            }
            _ => Ok(()),
        }
    }

    fn check_credentials_header(&self) -> Result<(), BuildError> {
        match &self.credentials_header {
            Some(header)
                if has_meaning(self.nearest.dialect(), header) || HOP_BY_HOP.contains(header) =>
            {
                let name = Excerpt::new(header.as_str());
                Err(BuildError::CredentialsHeader { name })
            }
            _ => Ok(()),
        }
    }

    /// Refuses names of the key id's parameter and of the nonce's that are not tokens or are those
    /// of other parameters.
    fn check_parameter_names(&self) -> Result<(), BuildError> {
        let is_free = |name: &str| {
            let mut taken = ["algorithm", "headers", "signature", "created", "expires"].into_iter();
            is_field_name(name) && !taken.any(|other| name.eq_ignore_ascii_case(other))
        };
        if let Some(name) = &self.key_id_parameter
            && !is_free(name)
        {
            let name = Excerpt::new(name);
            return Err(BuildError::KeyIdParameter { name });
        }
        // Either name can be the preset's, and then equal the other one, which is described.
        let nearest = &self.nearest.dialect().syntax;
        let key_id = self.key_id_parameter.as_deref().unwrap_or(nearest.key_id);
        match self.nonce_parameter.as_deref().or(nearest.nonce) {
            Some(name)
                if !is_free(name) || is_key_id(name) || name.eq_ignore_ascii_case(key_id) =>
            {
                let name = Excerpt::new(name);
                Err(BuildError::NonceParameter { name })
            }
            _ => Ok(()),
        }
    }

    fn check_separator(&self) -> Result<(), BuildError> {
        let is_separator = |text: &String| {
            let rest = text.strip_prefix(',');
            rest.is_some_and(|rest| rest.bytes().all(|byte| matches!(byte, b' ' | b'\t')))
        };
        match self.separator.as_ref().is_none_or(is_separator) {
            true => Ok(()),
            false => Err(BuildError::Separator),
        }
    }

    fn check_algorithms(&self) -> Result<(), BuildError> {
        let Some(algorithms) = &self.algorithms else {
            return Ok(());
        };
        if algorithms.is_empty() {
            return Err(BuildError::NoAlgorithm);
        }
        check_none_repeated(algorithms.iter().map(|algorithm| algorithm.name()))
    }

    fn check_date_headers(&self) -> Result<(), BuildError> {
        let Some(headers) = &self.date_headers else {
            return Ok(());
        };
        if headers.is_empty() {
            return Err(BuildError::NoDateHeader);
        }
        check_none_repeated(headers.iter().map(|header| header.name().as_str()))
    }

    fn check_derived_names(&self) -> Result<(), BuildError> {
        let derived = self.derived_components.as_deref().unwrap_or_default();
        let names = derived.iter().map(|(name, _)| name.as_str());
        check_none_repeated(names.clone())?;
        if let Some(name) = names.clone().find(|name| !is_derived_name(name)) {
            let name = Excerpt::new(name);
            return Err(BuildError::DerivedName { name });
        }
        match derived
            .iter()
            .find(|(name, own)| has_other_meaning(name, *own))
        {
            Some((name, _)) => {
                let name = Excerpt::new(name);
                Err(BuildError::DerivedNameTaken { name })
            }
            None => Ok(()),
        }
    }

    fn check_path_prefix(&self) -> Result<(), BuildError> {
        let Some(prefix) = &self.path_prefix else {
            return Ok(());
        };
        if self.nearest.dialect().format.request_lines.is_none() {
            return Err(BuildError::PathPrefixNotCarried);
        }
        let is_path = prefix
            .parse::<PathAndQuery>()
            .is_ok_and(|path| path.query().is_none());
        if is_path && prefix.starts_with('/') && !prefix.ends_with('/') && !prefix.contains('#') {
            return Ok(());
        }
        let prefix = Excerpt::new(prefix);
        Err(BuildError::PathPrefix { prefix })
    }

    /// Refuses derived components whose lines could be read as each other's, and times that the
    /// scheme has no parameters for.
    fn check_derived_components(&self) -> Result<(), BuildError> {
        let nearest = self.nearest.dialect();
        let derived: Vec<(&str, DerivedComponent)> = match &self.derived_components {
            Some(all) => all
                .iter()
                .map(|(name, derived)| (&**name, *derived))
                .collect(),
            None => nearest.list.derived_components.to_vec(),
        };
        let count = |is: &dyn Fn(DerivedComponent) -> bool| {
            derived.iter().filter(|(_, derived)| is(*derived)).count()
        };
        // Request lines have no name either, and a decoded path can contain such lines.
        let has_request_lines = nearest.format.request_lines.is_some();
        let is_nameless = |derived: DerivedComponent| {
            derived.is_bare() || (has_request_lines && derived.is_decoded())
        };
        if count(&is_nameless) + usize::from(has_request_lines) > 1 {
            return Err(BuildError::NamelessComponents);
        }
        if count(&DerivedComponent::is_decoded) > 1 {
            return Err(BuildError::TwoDecodedComponents);
        }
        match derived.iter().find(|(_, derived)| derived.is_time()) {
            Some((name, _)) if !nearest.syntax.has_times => {
                let name = Excerpt::new(name);
                Err(BuildError::TimeNotCarried { name })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a default list that is too long, contains a name twice or has two dates.
    fn check_default_names(&self) -> Result<(), BuildError> {
        let names = self.default_names();
        check_signed_list(names.iter().copied())?;
        check_none_repeated(names.iter().copied())?;
        let is_date = |name: &&&str| name.parse::<DateHeader>().is_ok();
        match names.iter().filter(is_date).count() {
            0 | 1 => Ok(()),
            _ => Err(BuildError::TwoDates),
        }
    }

    /// Refuses a default list that signers of this scheme could not sign, the preset's included.
    pub(super) fn check_default_list(&self, scheme: Scheme) -> Result<(), BuildError> {
        let mut has_date = false;
        for name in self.default_names() {
            let Ok(header) = name.parse::<DateHeader>() else {
                let component = scheme.signable(name, false)?;
                has_date |= component == Component::Derived(DerivedComponent::Created);
                continue;
            };
            has_date = true;
            // In a preset's list `date` stands for whichever header is sent.
            let is_carried = scheme.dialect().date_headers.contains(&header);
            if self.default_list.is_some() && !is_carried {
                return Err(BuildError::DateHeaderNotCarried { scheme, header });
            }
        }
        match has_date {
            true => Ok(()),
            false => Err(BuildError::NoDate { scheme }),
        }
    }

    /// Returns the names of the default list, which is the preset's if none is described.
    fn default_names(&self) -> Vec<&str> {
        match &self.default_list {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => self.nearest.dialect().default_list.to_vec(),
        }
    }
}

/// Returns `true` if a derived component can have this name: visible ASCII without the characters
/// that separate names and parameters. It must not be a valid header name, because a signature that
/// covers it would then seem to cover that header. `request-line` and `request-target` are
/// exceptions, because gateways use them.
fn is_derived_name(name: &str) -> bool {
    let is_visible = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';');
    !name.is_empty()
        && name.bytes().all(is_visible)
        && (!is_field_name(name) || known_derived().any(|(known, _)| known == name))
}

/// Returns `true` if gateways name another kind of component so: a time instead of a target, a
/// target instead of a time, or the other time. A verifier that requires `(request-target)` has to
/// be sure that the target is covered.
fn has_other_meaning(name: &str, own: DerivedComponent) -> bool {
    known_derived().any(|(known, derived)| {
        let is_same_kind = derived == own || derived.is_target() && own.is_target();
        known.eq_ignore_ascii_case(name) && !is_same_kind
    })
}
