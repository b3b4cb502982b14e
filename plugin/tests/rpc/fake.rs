//! A provider whose methods are closures, and a client of its service.

use std::pin::Pin;
use std::sync::Arc;

use terraform_plugin_server::codec;
use terraform_plugin_server::grpc::{ProviderService, proto};
use terraform_plugin_server::{
    Action, ApplyResponse, Attribute, CallContext, ConfigureRequest, CreateRequest, DataSource, DeleteRequest,
    Diagnostic, Function, IdentityAttribute, IdentitySchema, ImportRequest, ImportState, ListResource, MoveRequest,
    MoveState, Nesting, PlanRequest, PlanResponse, Provider, ReadRequest, ReadResponse, Resource, ResourceIdentity,
    Schema, Type, UpdateRequest, UpgradeRequest, UpgradeState, ValidateConfig, Value, async_trait,
};

pub(crate) const THING: &str = "test_thing";
pub(crate) const LOOKUP: &str = "test_lookup";

/// A method: a function of its request that returns a future of its response.
pub(crate) type Method<Request, Response> =
    Box<dyn Fn(CallContext, Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

/// Returns a method that returns at once.
pub(crate) fn method<Request, Response: Send + 'static>(
    respond: impl Fn(Request) -> Response + Send + Sync + 'static,
) -> Method<Request, Response> {
    Box::new(move |_, request| {
        let response = respond(request);
        Box::pin(async move { response })
    })
}

/// Returns a method that panics after it has yielded once.
pub(crate) fn panics<Request, Response: Send + 'static>() -> Method<Request, Response> {
    Box::new(|_, _| {
        Box::pin(async {
            tokio::task::yield_now().await;
            panic!("the sky fell")
        })
    })
}

/// The JSON that a resource makes of a saved state.
type Json = Result<serde_json::Value, Diagnostic>;

/// The resource `test_thing`, which has all capabilities but an identity. By default it does what the requests say.
pub(crate) struct Thing {
    pub(crate) schema: Box<dyn Fn() -> Schema + Send + Sync>,
    pub(crate) validate: Method<Value, Vec<Diagnostic>>,
    pub(crate) plan: Method<PlanRequest, PlanResponse>,
    pub(crate) create: Method<CreateRequest, ApplyResponse>,
    pub(crate) update: Method<UpdateRequest, ApplyResponse>,
    pub(crate) delete: Method<DeleteRequest, Vec<Diagnostic>>,
    pub(crate) read: Method<ReadRequest, ReadResponse>,
    pub(crate) import: Method<ImportRequest, ReadResponse>,
    pub(crate) move_from: Method<MoveRequest, Option<Json>>,
    pub(crate) upgrade: Method<UpgradeRequest, Json>,
    /// Whether it has an identity.
    pub(crate) is_identified: bool,
}

impl Default for Thing {
    fn default() -> Self {
        Self {
            schema: Box::new(schema),
            validate: method(|_| Vec::new()),
            plan: method(|request: PlanRequest| PlanResponse {
                planned: match request.prior {
                    Value::Null => with(request.proposed, "id", Value::unknown()),
                    _ => request.proposed,
                },
                ..Default::default()
            }),
            create: method(|request: CreateRequest| ApplyResponse {
                state: with(request.planned, "id", "thing-1".into()),
                ..Default::default()
            }),
            update: method(|request: UpdateRequest| ApplyResponse {
                state: request.planned,
                ..Default::default()
            }),
            delete: method(|_| Vec::new()),
            read: method(|request: ReadRequest| ReadResponse {
                state: request.state,
                ..Default::default()
            }),
            import: method(|request: ImportRequest| ReadResponse {
                state: Value::object([("id", request.id.into())]),
                ..Default::default()
            }),
            move_from: method(|_| None),
            upgrade: method(|request: UpgradeRequest| Ok(request.state)),
            is_identified: false,
        }
    }
}

/// Returns a schema with an attribute of every kind.
fn schema() -> Schema {
    let port = || {
        vec![
            Attribute::new("number", Type::Number, "Its number.").required(),
            Attribute::string("protocol", "Its protocol.").optional().computed(),
        ]
    };
    Schema {
        version: 2,
        description: "A *thing*.",
        attributes: vec![
            Attribute::string("id", "Its id.").computed(),
            Attribute::string("name", "Its name.").required(),
            Attribute::string("note", "A note.").optional(),
            Attribute::string("size", "Its size.").optional().computed(),
            Attribute::string("secret", "A secret.").optional().sensitive(),
            Attribute::new("weight", Type::Number, "Its weight.").optional(),
            Attribute::new("tags", Type::Set(Box::new(Type::String)), "Tags.").optional(),
            Attribute::new("labels", Type::Map(Box::new(Type::String)), "Labels.").optional(),
            Attribute::new("anything", Type::Dynamic, "Anything.").optional(),
            Attribute::object("main", "The main port.", port()).optional(),
            Attribute::nested("ports", "Ports.", Nesting::List, port()).optional(),
            Attribute::nested("named", "Ports.", Nesting::Map, port()).optional(),
            Attribute::nested("open", "Ports.", Nesting::Set, port()).optional(),
        ],
    }
}

/// Returns the type of a `test_thing`.
pub(crate) fn thing_type() -> Type {
    schema().ty()
}

/// Returns a whole `test_thing` with these attributes. The others are null.
pub(crate) fn thing<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    let mut thing = Value::object(attributes);
    if let Value::Map(attributes) = &mut thing {
        for attribute in schema().attributes {
            attributes.entry(attribute.name.to_owned()).or_default();
        }
    }
    thing
}

/// Returns `object` with this attribute.
pub(crate) fn with(object: Value, name: &str, value: Value) -> Value {
    let Value::Map(mut attributes) = object else {
        return object;
    };
    attributes.insert(name.to_owned(), value);
    Value::Map(attributes)
}

#[async_trait]
impl Resource for Thing {
    fn type_name(&self) -> &'static str {
        THING
    }
    fn schema(&self) -> Schema {
        (self.schema)()
    }
    async fn plan(&self, context: CallContext, request: PlanRequest) -> PlanResponse {
        (self.plan)(context, request).await
    }
    async fn create(&self, context: CallContext, request: CreateRequest) -> ApplyResponse {
        (self.create)(context, request).await
    }
    async fn update(&self, context: CallContext, request: UpdateRequest) -> ApplyResponse {
        (self.update)(context, request).await
    }
    async fn delete(&self, context: CallContext, request: DeleteRequest) -> Vec<Diagnostic> {
        (self.delete)(context, request).await
    }
    async fn read(&self, context: CallContext, request: ReadRequest) -> ReadResponse {
        (self.read)(context, request).await
    }
    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(self)
    }
    fn import_state(&self) -> Option<&dyn ImportState> {
        Some(self)
    }
    fn move_state(&self) -> Option<&dyn MoveState> {
        Some(self)
    }
    fn upgrade_state(&self) -> Option<&dyn UpgradeState> {
        Some(self)
    }
    fn resource_identity(&self) -> Option<&dyn ResourceIdentity> {
        self.is_identified.then_some(self)
    }
}

/// The identity of a `test_thing` is its id, in version 1. In version 0, it was called `key`.
#[async_trait]
impl ResourceIdentity for Thing {
    fn identity_schema(&self) -> IdentitySchema {
        IdentitySchema {
            version: 1,
            attributes: vec![
                IdentityAttribute::optional("zone", "Its zone."),
                IdentityAttribute::required("id", "Its id."),
            ],
        }
    }
    fn identity(&self, state: &Value) -> Option<Value> {
        let id = state.get("id").clone();
        (!id.is_null()).then(|| Value::object([("zone", "a".into()), ("id", id)]))
    }
    fn import_id(&self, identity: &Value) -> Result<String, Diagnostic> {
        match identity.get("zone").as_str() {
            None | Some("a") => Ok(identity.get("id").as_str().unwrap_or_default().to_owned()),
            Some(zone) => Err(Diagnostic::error("Another zone", format!("No things in {zone:?}."))),
        }
    }
    async fn upgrade_identity(
        &self,
        version: i64,
        mut identity: serde_json::Value,
    ) -> Result<serde_json::Value, Diagnostic> {
        assert_eq!(version, 0);
        identity["id"] = identity["key"].take();
        Ok(identity)
    }
}

#[async_trait]
impl ValidateConfig for Thing {
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        (self.validate)(CallContext::default(), config).await
    }
}

#[async_trait]
impl ImportState for Thing {
    async fn import(&self, context: CallContext, request: ImportRequest) -> ReadResponse {
        (self.import)(context, request).await
    }
}

#[async_trait]
impl MoveState for Thing {
    async fn move_from(&self, request: MoveRequest) -> Option<Json> {
        (self.move_from)(CallContext::default(), request).await
    }
}

#[async_trait]
impl UpgradeState for Thing {
    async fn upgrade(&self, request: UpgradeRequest) -> Json {
        (self.upgrade)(CallContext::default(), request).await
    }
}

/// A resource `test_thing` without any capability, whose only attribute is a required name.
pub(crate) struct Bare;

impl Bare {
    /// Returns a configuration and state of it.
    pub(crate) fn config() -> Option<proto::DynamicValue> {
        let value = Value::object([("name", "n".into())]);
        wire_as(&value, &Bare.schema().ty())
    }
}

#[async_trait]
impl Resource for Bare {
    fn type_name(&self) -> &'static str {
        THING
    }
    fn schema(&self) -> Schema {
        Schema {
            version: 1,
            description: "A bare thing.",
            attributes: vec![Attribute::string("name", "Its name.").required()],
        }
    }
    async fn plan(&self, _: CallContext, request: PlanRequest) -> PlanResponse {
        PlanResponse {
            planned: request.proposed,
            ..Default::default()
        }
    }
    async fn create(&self, _: CallContext, request: CreateRequest) -> ApplyResponse {
        ApplyResponse {
            state: request.planned,
            ..Default::default()
        }
    }
    async fn read(&self, _: CallContext, request: ReadRequest) -> ReadResponse {
        ReadResponse {
            state: request.state,
            ..Default::default()
        }
    }
    async fn update(&self, _: CallContext, request: UpdateRequest) -> ApplyResponse {
        ApplyResponse {
            state: request.planned,
            ..Default::default()
        }
    }
    async fn delete(&self, _: CallContext, _: DeleteRequest) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// The data source `test_lookup`. By default it returns the size "small".
pub(crate) struct Lookup {
    pub(crate) validate: Method<Value, Vec<Diagnostic>>,
    pub(crate) read: Method<Value, ReadResponse>,
}

impl Default for Lookup {
    fn default() -> Self {
        Self {
            validate: method(|_| Vec::new()),
            read: method(|config| ReadResponse {
                state: with(config, "size", "small".into()),
                ..Default::default()
            }),
        }
    }
}

#[async_trait]
impl DataSource for Lookup {
    fn type_name(&self) -> &'static str {
        LOOKUP
    }
    fn schema(&self) -> Schema {
        Schema {
            description: "A lookup.",
            attributes: vec![
                Attribute::string("id", "Its id.").required(),
                Attribute::string("size", "Its size.").computed(),
            ],
            ..Default::default()
        }
    }
    async fn read(&self, context: CallContext, config: Value) -> ReadResponse {
        (self.read)(context, config).await
    }
    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(self)
    }
}

#[async_trait]
impl ValidateConfig for Lookup {
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        (self.validate)(CallContext::default(), config).await
    }
}

/// The provider.
pub(crate) struct Fake {
    pub(crate) resource: Arc<dyn Resource>,
    pub(crate) lookup: Arc<Lookup>,
    pub(crate) functions: Vec<Arc<dyn Function>>,
    pub(crate) lists: Vec<Arc<dyn ListResource>>,
    pub(crate) actions: Vec<Arc<dyn Action>>,
    pub(crate) validate: Method<Value, Vec<Diagnostic>>,
    pub(crate) configure: Method<ConfigureRequest, Vec<Diagnostic>>,
}

impl Fake {
    pub(crate) fn new(resource: impl Resource, lookup: Lookup) -> Self {
        Self {
            resource: Arc::new(resource),
            lookup: Arc::new(lookup),
            functions: Vec::new(),
            lists: Vec::new(),
            actions: Vec::new(),
            validate: method(|_| Vec::new()),
            configure: method(|_| Vec::new()),
        }
    }
}

#[async_trait]
impl Provider for Fake {
    fn schema(&self) -> Schema {
        Schema {
            description: "A provider.",
            attributes: vec![Attribute::string("url", "Where.").optional()],
            ..Default::default()
        }
    }
    async fn configure(&self, request: ConfigureRequest) -> Vec<Diagnostic> {
        (self.configure)(CallContext::default(), request).await
    }
    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        vec![Arc::clone(&self.resource)]
    }
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        vec![self.lookup.clone()]
    }
    fn functions(&self) -> Vec<Arc<dyn Function>> {
        self.functions.clone()
    }
    fn list_resources(&self) -> Vec<Arc<dyn ListResource>> {
        self.lists.clone()
    }
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        self.actions.clone()
    }
    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(self)
    }
}

#[async_trait]
impl ValidateConfig for Fake {
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        (self.validate)(CallContext::default(), config).await
    }
}

/// Returns the service of a provider with this resource, which has all capabilities.
pub(crate) fn serve(thing: Thing) -> ProviderService {
    serve_resource(thing)
}

/// Returns the service of a provider with this resource.
pub(crate) fn serve_resource(resource: impl Resource) -> ProviderService {
    ProviderService::new(Arc::new(Fake::new(resource, Lookup::default())))
}

/// Returns the service of a provider with this data source.
pub(crate) fn serve_lookup(lookup: Lookup) -> ProviderService {
    ProviderService::new(Arc::new(Fake::new(Thing::default(), lookup)))
}

/// Returns the service of a provider with these functions.
pub(crate) fn serve_functions(functions: Vec<Arc<dyn Function>>) -> ProviderService {
    ProviderService::new(Arc::new(Fake {
        functions,
        ..Fake::new(Thing::default(), Lookup::default())
    }))
}

/// Returns the response of a call of the service, which must not fail with a gRPC error.
macro_rules! call {
    ($service:expr, $call:ident, $request:expr) => {{
        use terraform_plugin_server::grpc::proto;
        let request = tonic::Request::new($request);
        let response = proto::provider_server::Provider::$call(&$service, request).await;
        response.unwrap().into_inner()
    }};
}
pub(crate) use call;

/// Encodes a `test_thing`.
pub(crate) fn wire(value: &Value) -> Option<proto::DynamicValue> {
    wire_as(value, &thing_type())
}

/// Encodes a value of the type `ty`.
pub(crate) fn wire_as(value: &Value, ty: &Type) -> Option<proto::DynamicValue> {
    Some(proto::DynamicValue {
        msgpack: codec::encode(value, ty).unwrap(),
        json: Vec::new(),
    })
}

/// Decodes a `test_thing`. A missing value is null, as in Terraform.
pub(crate) fn unwire(value: Option<&proto::DynamicValue>) -> Value {
    value.map_or(Value::Null, |value| {
        codec::decode(&value.msgpack, &thing_type()).unwrap()
    })
}

/// Returns the summary and the detail of the only diagnostic, which must be an error.
pub(crate) fn only_error(diagnostics: &[proto::Diagnostic]) -> String {
    let [diagnostic] = diagnostics else {
        panic!("not one diagnostic: {diagnostics:#?}");
    };
    assert_eq!(
        diagnostic.severity(),
        proto::diagnostic::Severity::Error,
        "{diagnostic:#?}"
    );
    format!("{}\n{}", diagnostic.summary, diagnostic.detail)
}

/// Asserts that the only diagnostic is about a bug in the provider and contains this text.
#[track_caller]
pub(crate) fn assert_bug(diagnostics: &[proto::Diagnostic], containing: &str) {
    let text = only_error(diagnostics);
    assert!(text.starts_with("Bug in the provider\n"), "{text}");
    assert!(text.contains(containing), "{text}");
}
