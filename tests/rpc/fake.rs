//! A provider whose methods are closures, and a client of its service.

use std::pin::Pin;
use std::sync::Arc;

use terraform_provider_platform_orchestrator::plugin::codec;
use terraform_provider_platform_orchestrator::plugin::wire::proto;
use terraform_provider_platform_orchestrator::plugin::wire::service::ProviderService;
use terraform_provider_platform_orchestrator::plugin::{
    ApplyResponse, Attribute, CallContext, ConfigureRequest, CreateRequest, DataSource,
    DeleteRequest, Diagnostic, ImportRequest, Kind, MoveRequest, Nesting, PlanRequest,
    PlanResponse, Provider, ReadRequest, ReadResponse, Resource, Schema, Type, UpdateRequest,
    Value,
};
use tonic::async_trait;

pub(crate) const THING: &str = "test_thing";
pub(crate) const LOOKUP: &str = "test_lookup";

/// A method: what it is asked, and a future of what it answers.
pub(crate) type Method<Request, Answer> =
    Box<dyn Fn(CallContext, Request) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// The method that answers at once.
pub(crate) fn method<Request, Answer: Send + 'static>(
    answer: impl Fn(Request) -> Answer + Send + Sync + 'static,
) -> Method<Request, Answer> {
    Box::new(move |_, request| {
        let answer = answer(request);
        Box::pin(async move { answer })
    })
}

/// The method that panics, after it has waited once.
pub(crate) fn panics<Request, Answer: Send + 'static>() -> Method<Request, Answer> {
    Box::new(|_, _| {
        Box::pin(async {
            tokio::task::yield_now().await;
            panic!("the sky fell")
        })
    })
}

/// The resource `test_thing`. By default it does what the request says.
pub(crate) struct Thing {
    pub(crate) schema: Box<dyn Fn() -> Schema + Send + Sync>,
    pub(crate) validate: Method<Value, Vec<Diagnostic>>,
    pub(crate) plan: Method<PlanRequest, PlanResponse>,
    pub(crate) create: Method<CreateRequest, ApplyResponse>,
    pub(crate) update: Method<UpdateRequest, ApplyResponse>,
    pub(crate) delete: Method<DeleteRequest, Vec<Diagnostic>>,
    pub(crate) read: Method<ReadRequest, ReadResponse>,
    pub(crate) import: Method<ImportRequest, ReadResponse>,
    pub(crate) take_over: Method<MoveRequest, Option<Result<serde_json::Value, Diagnostic>>>,
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
            take_over: method(|_| None),
        }
    }
}

/// An attribute of every kind.
fn schema() -> Schema {
    let port = || {
        vec![
            Attribute::new("number", Type::Number, "Its number.").required(),
            Attribute::string("protocol", "Its protocol.")
                .optional()
                .computed(),
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
            Attribute::string("secret", "A secret.")
                .optional()
                .sensitive(),
            Attribute::new("weight", Type::Number, "Its weight.").optional(),
            Attribute::new("tags", Type::Set(Box::new(Type::String)), "Tags.").optional(),
            Attribute::new("labels", Type::Map(Box::new(Type::String)), "Labels.").optional(),
            Attribute::new("anything", Type::Dynamic, "Anything.").optional(),
            Attribute::object("main", "The main port.", port()).optional(),
            Attribute::of_kind("ports", Kind::Nested(Nesting::List, port()), "Ports.").optional(),
            Attribute::of_kind("named", Kind::Nested(Nesting::Map, port()), "Ports.").optional(),
            Attribute::of_kind("open", Kind::Nested(Nesting::Set, port()), "Ports.").optional(),
        ],
    }
}

/// The type of a `test_thing`.
pub(crate) fn thing_type() -> Type {
    schema().ty()
}

/// A whole `test_thing` with these attributes; the others are null.
pub(crate) fn thing<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    let mut thing = Value::object(attributes);
    if let Value::Map(attributes) = &mut thing {
        for attribute in schema().attributes {
            attributes.entry(attribute.name.to_owned()).or_default();
        }
    }
    thing
}

/// `object` with this attribute.
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
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        (self.validate)(CallContext::default(), config).await
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
    async fn import(&self, context: CallContext, request: ImportRequest) -> ReadResponse {
        (self.import)(context, request).await
    }
    async fn take_over(
        &self,
        request: MoveRequest,
    ) -> Option<Result<serde_json::Value, Diagnostic>> {
        (self.take_over)(CallContext::default(), request).await
    }
}

/// The data source `test_lookup`. By default it finds a size of "small".
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
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        (self.validate)(CallContext::default(), config).await
    }
    async fn read(&self, context: CallContext, config: Value) -> ReadResponse {
        (self.read)(context, config).await
    }
}

/// The provider.
pub(crate) struct Fake {
    pub(crate) thing: Arc<Thing>,
    pub(crate) lookup: Arc<Lookup>,
    pub(crate) validate: Method<Value, Vec<Diagnostic>>,
    pub(crate) configure: Method<ConfigureRequest, Vec<Diagnostic>>,
}

impl Fake {
    pub(crate) fn new(thing: Thing, lookup: Lookup) -> Self {
        Self {
            thing: Arc::new(thing),
            lookup: Arc::new(lookup),
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
    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        vec![self.thing.clone()]
    }
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        vec![self.lookup.clone()]
    }
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        (self.validate)(CallContext::default(), config).await
    }
    async fn configure(&self, request: ConfigureRequest) -> Vec<Diagnostic> {
        (self.configure)(CallContext::default(), request).await
    }
}

/// The service of a provider with this resource.
pub(crate) fn serve(thing: Thing) -> ProviderService {
    ProviderService::new(Arc::new(Fake::new(thing, Lookup::default())))
}

/// The service of a provider with this data source.
pub(crate) fn serve_lookup(lookup: Lookup) -> ProviderService {
    ProviderService::new(Arc::new(Fake::new(Thing::default(), lookup)))
}

/// A call of the service, which must not fail as gRPC.
macro_rules! call {
    ($service:expr, $call:ident, $request:expr) => {{
        use terraform_provider_platform_orchestrator::plugin::wire::proto;
        let request = tonic::Request::new($request);
        let answer = proto::provider_server::Provider::$call(&$service, request).await;
        answer.unwrap().into_inner()
    }};
}
pub(crate) use call;

/// A value of the type of a `test_thing` on the wire.
pub(crate) fn wire(value: &Value) -> Option<proto::DynamicValue> {
    wire_as(value, &thing_type())
}

pub(crate) fn wire_as(value: &Value, ty: &Type) -> Option<proto::DynamicValue> {
    Some(proto::DynamicValue {
        msgpack: codec::encode(value, ty).unwrap(),
        json: Vec::new(),
    })
}

/// What a `test_thing` on the wire is; absent is null, as Terraform takes it.
pub(crate) fn unwire(value: Option<&proto::DynamicValue>) -> Value {
    value.map_or(Value::Null, |value| {
        codec::decode(&value.msgpack, &thing_type()).unwrap()
    })
}

/// The only diagnostic, which is an error: its summary and detail.
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

/// Says in what way the text is not about a defect of the provider that has this in it.
#[track_caller]
pub(crate) fn assert_bug(diagnostics: &[proto::Diagnostic], containing: &str) {
    let text = only_error(diagnostics);
    assert!(text.contains("This is a bug in the provider"), "{text}");
    assert!(text.contains(containing), "{text}");
}
