//! A client for every form in which requests are signed: of each preset, and of schemes that users
//! describe.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tower_hmac_auth::{Scheme, scheme::FormParameters, sign::SignerBuilder};

use super::*;
use crate::common::{dnse, mekari, messagemedia, modulr, partner, sensecore};

/// What is sent, but for the headers that the scheme adds.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    /// The value of `X-Role`.
    role: HeaderValue,
    /// The value of other headers, which is not empty.
    value: HeaderValue,
    form: String,
    pub(crate) seconds: i64,
}

/// In normal form, as the verifiers of schemes that decode the path want it.
pub(crate) fn path() -> impl Strategy<Value = String> {
    let segment = "([a-zA-Z0-9_~!$&'()*+,;=:@-]|%20|%C3%A9|%22|%5B){1,8}";
    vec(segment, 0..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// Parameters whose names differ, as application authentication wants them.
fn parameters(letter: char) -> impl Strategy<Value = String> {
    vec("([a-zA-Z0-9.~-]|[+]|%20|%C3%A9|%2B){0,5}", 1..3).prop_map(move |values| {
        let values = values.iter().enumerate();
        let parameters = values.map(|(number, value)| format!("{letter}{number}={value}"));
        parameters.collect::<Vec<_>>().join("&")
    })
}

pub(crate) fn content() -> impl Strategy<Value = Content> {
    let target = (path(), option::weighted(0.8, parameters('q'))).prop_map(|(path, query)| {
        let query = query.map(|query| format!("?{query}"));
        path + &query.unwrap_or_default()
    });
    let method = sample::select(&["GET", "POST", "PUT", "PATCH", "DELETE"][..]);
    let values = (value(8), value(8));
    let seconds = FRIDAY..FRIDAY + 1_000_000;
    (method, target, values, parameters('f'), seconds).prop_map(
        |(method, target, (role, value), form, seconds)| Content {
            method,
            target,
            role,
            value: HeaderValue::from_bytes(&[b"v", value.as_bytes()].concat()).unwrap(),
            form,
            seconds,
        },
    )
}

/// Signs and verifies in one form.
pub(crate) struct Client {
    /// The scheme's name and the form.
    pub(crate) name: &'static str,
    pub(crate) server: Server,
    signer: Signer,
    /// The same with another secret key.
    other_signer: Signer,
    /// What the signature covers, from the scheme's documentation: headers, and `method`, `path` or
    /// `decoded-path`, `query` or `parameters`.
    pub(crate) covers: &'static [&'static str],
    /// The header with the credentials; in the query if there is none.
    pub(crate) header: Option<&'static str>,
    pub(crate) has_form: bool,
    /// A parameter with an altered name is then one that is left out.
    pub(crate) ignores_unknown: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Client {
    fn new(
        name: &'static str,
        scheme: Scheme,
        covers: &'static [&'static str],
        options: fn(SignerBuilder) -> SignerBuilder,
    ) -> Self {
        let signer = |secret: &str| {
            let keys = KeyPair::new(KEY_ID, secret).unwrap();
            options(Signer::builder(keys).scheme(scheme))
                .build()
                .unwrap()
        };
        let mut server = Server::new(KEY_ID, SECRET.as_bytes());
        let verifier = Verifier::builder().scheme(scheme);
        let with_hs2019 = verifier.clone().hs2019(Algorithm::HmacSha256);
        let verifier = with_hs2019.build().or_else(|_| verifier.build());
        server.verifier = verifier.unwrap();
        Self {
            name,
            server,
            signer: signer(SECRET),
            other_signer: signer("another"),
            covers,
            header: Some(credentials_header(scheme)),
            has_form: false,
            ignores_unknown: [
                "apisix",
                "of-apisix",
                "cavage",
                "cavage-times",
                "of-cavage",
                "traefik-hub",
            ]
            .contains(&name),
        }
    }

    fn in_query(self) -> Self {
        Self {
            header: None,
            ..self
        }
    }

    fn with_form(self) -> Self {
        Self {
            has_form: true,
            ..self
        }
    }

    pub(crate) fn covers(&self, what: &str) -> bool {
        self.covers.contains(&what)
    }

    /// The covered headers.
    pub(crate) fn headers(&self) -> Vec<&'static str> {
        let parts = ["method", "path", "decoded-path", "query", "parameters"];
        let covers = self.covers.iter().copied();
        covers.filter(|name| !parts.contains(name)).collect()
    }

    /// The body is the form, if there is one.
    fn unsigned(&self, content: &Content) -> Request<String> {
        let mut request = Request::new(String::new());
        *request.method_mut() = content.method.parse().unwrap();
        *request.uri_mut() = content.target.parse().unwrap();
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("h.example"));
        headers.insert("x-unsigned", HeaderValue::from_static("1"));
        for name in self.headers() {
            let value = match name {
                "host" | "date" | "x-date" => continue,
                "x-role" => content.role.clone(),
                "content-type" if self.has_form => {
                    HeaderValue::from_static("application/x-www-form-urlencoded")
                }
                _ => content.value.clone(),
            };
            headers.insert(name, value);
        }
        if self.has_form {
            *request.body_mut() = content.form.clone();
        }
        request
    }

    fn signed_by(&self, signer: &Signer, content: &Content) -> Request<String> {
        let mut request = self.with_parameters(&self.unsigned(content));
        signer
            .sign_request(&mut request, at(content.seconds))
            .unwrap();
        request
    }

    pub(crate) fn signed(&self, content: &Content) -> Request<String> {
        self.signed_by(&self.signer, content)
    }

    /// The same request, signed with a secret key that the server does not have.
    pub(crate) fn wrongly_signed(&self, content: &Content) -> Request<String> {
        self.signed_by(&self.other_signer, content)
    }

    /// The request as it is after the form was read.
    fn with_parameters(&self, request: &Request<String>) -> Request<String> {
        let mut request = request.clone();
        if self.has_form {
            let form = FormParameters::new(request.body().clone());
            request.extensions_mut().insert(form);
        }
        request
    }

    pub(crate) fn check(
        &self,
        request: &Request<String>,
        seconds: i64,
    ) -> Result<Accepted, Rejection> {
        self.server
            .check(&self.with_parameters(request), at(seconds))
    }

    /// Returns the text that has the parameters or members.
    pub(crate) fn credentials(&self, request: &Request<String>) -> Vec<u8> {
        match self.header {
            Some(header) => request.headers()[header].as_bytes().to_vec(),
            None => {
                let mut pieces = pieces(request.uri().query().unwrap());
                let (_, value) = pieces.find(|(name, _)| *name == "authorization").unwrap();
                STANDARD.decode(percent_decoded(value.as_bytes())).unwrap()
            }
        }
    }

    pub(crate) fn with_credentials(
        &self,
        request: &Request<String>,
        text: &[u8],
    ) -> Option<Request<String>> {
        if let Some(header) = self.header {
            return with_value(request, header, text);
        }
        let authorization = percent_encoded(&STANDARD.encode(text));
        let query = request.uri().query().unwrap_or_default();
        let mut query: Vec<_> = pieces(query).collect();
        match query.iter_mut().find(|(name, _)| *name == "authorization") {
            Some((_, value)) => *value = &authorization,
            None => query.push(("authorization", &authorization)),
        }
        let query = query.iter().map(|(name, value)| format!("{name}={value}"));
        let query = query.collect::<Vec<_>>().join("&");
        with_target(request, &format!("{}?{query}", request.uri().path()))
    }

    /// Whether the credentials list what is signed.
    pub(crate) fn has_list(&self) -> bool {
        self.server.verifier.scheme() != Scheme::TencentMarket
    }
}

/// Returns the query's parameters as they are sent: names and values.
pub(crate) fn pieces(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    pieces.map(|piece| piece.split_once('=').unwrap_or((piece, "")))
}

pub(crate) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    bytes
}

/// Percent-encodes what base64 has besides letters and digits.
pub(crate) fn percent_encoded(base64: &str) -> String {
    let escaped = base64.replace('+', "%2B").replace('/', "%2F");
    escaped.replace('=', "%3D")
}

/// Gateways without a preset, each different from the nearest in another way.
pub(crate) fn described() -> [Scheme; 10] {
    let of = |builder: tower_hmac_auth::scheme::SchemeBuilder| builder.build().unwrap();
    [
        sensecore(&["date", "host", "@request-target"]),
        mekari(),
        messagemedia(),
        dnse(),
        modulr(),
        partner(),
        of(Scheme::builder("of-kong", Scheme::Kong)
            .key_id_parameter("accesskey")
            .keep_name_case(true)
            .default_list(["Date", "request-line"])),
        of(Scheme::builder("of-tencent", Scheme::Tencent)
            .auth_scheme("Own")
            .key_id_line(true)
            .final_newline(true)
            .any_parameter_order(true)),
        of(Scheme::builder("of-apisix", Scheme::Apisix)
            .key_id_line(false)
            .final_newline(false)
            .join_repeated_headers(true)),
        of(Scheme::builder("of-cavage", Scheme::Cavage)
            .separator(",  ")
            .default_list(["(request-target)", "x-date", "x-absent"])),
    ]
}

/// The header that the scheme's credentials are in.
pub(crate) fn credentials_header(scheme: Scheme) -> &'static str {
    match scheme.name() {
        "dnse" => "x-signature",
        _ => "authorization",
    }
}

/// Sets what a signer of the scheme cannot do without.
pub(crate) fn with_nonces(signer: SignerBuilder, scheme: Scheme) -> SignerBuilder {
    match scheme.name() {
        "dnse" => signer.nonce_parameter(|| "0f1e2d3c".to_owned()),
        _ => signer,
    }
}

fn clients_of(scheme: Scheme) -> Vec<Client> {
    let client = |covers, options| Client::new(scheme.name(), scheme, covers, options);
    let named = |name, covers, options| Client::new(name, scheme, covers, options);
    let with_role: fn(SignerBuilder) -> SignerBuilder = |signer| signer.signed_headers(["x-role"]);
    let plain: fn(SignerBuilder) -> SignerBuilder = |signer| signer;
    match scheme.name() {
        "tencent" => vec![
            client(&["x-date", "x-role"], with_role),
            named("tencent-older-market", &["x-date", "x-source"], |signer| {
                signer.components(["x-date", "x-source"])
            }),
        ],
        "tencent-app" => {
            const COVERS: &[&str] = &[
                "x-date",
                "x-role",
                "method",
                "path",
                "parameters",
                "accept",
                "content-type",
            ];
            const WITH_MD5: &[&str] = &[
                "x-date",
                "method",
                "path",
                "parameters",
                "accept",
                "content-type",
                "content-md5",
            ];
            vec![
                client(COVERS, with_role),
                named("tencent-app-form", COVERS, with_role).with_form(),
                named("tencent-app-md5", WITH_MD5, plain),
            ]
        }
        "tencent-market" => vec![client(&[], plain)],
        "kong" => vec![client(
            &["x-date", "method", "path", "query", "x-role"],
            with_role,
        )],
        "apisix" | "of-apisix" => vec![client(
            &["date", "method", "decoded-path", "query", "x-role"],
            with_role,
        )],
        "iflytek" => vec![
            client(&["host", "date", "method", "path", "x-role"], with_role),
            named("iflytek-query", &["method", "path"], |signer| {
                signer.credentials_in_query(true)
            })
            .in_query(),
        ],
        "cavage" => vec![
            client(
                &["method", "path", "query", "host", "date", "x-role"],
                with_role,
            ),
            named(
                "cavage-times",
                &["method", "path", "query", "x-role"],
                |signer| {
                    let times = ["(request-target)", "(created)", "(expires)", "x-role"];
                    signer
                        .components(times)
                        .hs2019(true)
                        .expires_after(Duration::from_secs(60))
                },
            ),
        ],
        "tyk" => vec![client(
            &["method", "decoded-path", "date", "x-role"],
            with_role,
        )],
        "traefik-hub" => vec![client(&["method", "path", "query", "x-role"], with_role)],
        "sensecore" => vec![client(&["date", "host", "method", "path", "query"], plain)],
        "mekari" => vec![client(&["date", "method", "path", "query"], plain)],
        "messagemedia" => vec![client(
            &["date", "x-content-md5", "method", "path", "query"],
            plain,
        )],
        "dnse" => vec![client(&["method", "decoded-path", "date"], |signer| {
            with_nonces(signer, dnse())
        })],
        "modulr" => vec![client(&["date", "x-mod-nonce"], plain)],
        "partner" => vec![client(
            &["x-date", "method", "path", "query", "host"],
            plain,
        )],
        "of-kong" => vec![client(
            &["date", "method", "path", "query", "x-role"],
            with_role,
        )],
        "of-tencent" => vec![client(&["x-date", "x-role"], with_role)],
        "of-cavage" => vec![client(&["method", "path", "query", "x-date"], plain)],
        name => panic!("say here what clients of {name} sign"),
    }
}

/// The clients of every preset, and of the schemes that are described.
pub(crate) fn clients() -> Vec<Client> {
    let schemes = Scheme::ALL.into_iter().chain(described());
    schemes.flat_map(clients_of).collect()
}
