//! Load balancing policies: those that look at weights, and those of a program's own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use stubwright::balancing::{
    AttemptEnd, CallInfo, CallListener, ChildPolicy, ConfigError, ConfigObject, Helper, Pick,
    Picker, Policy, PolicyConfig, PolicyFactory, PolicyUpdate, Subchannel, SubchannelState,
    register_policy,
};
use stubwright::prost::Message;
use stubwright::{
    Address, Channel, Code, LoadBalancing, Metadata, Prost, RequestStream, Result, Server,
    ServiceConfig, ServicerContext, Status, stream,
};

use crate::script::within;

/// Starts a server that answers every call with its name, but for those that have a code in their metadata, with which they fail.
pub async fn serve(name: &'static str) -> (Server, Address) {
    let mut server = Server::new();
    server.add_generic_handler(
        move |mut requests: RequestStream<_>, context: ServicerContext| {
            stream(async move |mut responses| {
                let mut trailing = Metadata::new();
                trailing.append("server", name)?;
                context.set_trailing_metadata(trailing);
                if context.invocation_metadata().get("fail").is_some() {
                    return Err(Status::aborted("as asked for"));
                }
                while requests.message().await?.is_some() {
                    responses.send(name.to_owned().encode_to_vec().into()).await;
                }
                Ok(())
            })
        },
    );
    let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
    server.start().unwrap();
    let address = Address::new(address.to_string()).unwrap();
    (server, address)
}

/// Asks a server for its name.
pub async fn ask(channel: &Channel) -> Result<String> {
    let call = channel.unary_unary::<(), String, _>("/names.Names/Who", Prost, ());
    within(call.into_future()).await
}

fn config(policy: &str) -> ServiceConfig {
    let config = format!(r#"{{"loadBalancingConfig": [{{{policy}}}]}}"#);
    ServiceConfig::from_json_strict(&config).unwrap()
}

#[tokio::test]
async fn weighted_round_robin_goes_to_servers_in_proportion_to_their_weights() {
    let (_a, a) = serve("a").await;
    let (_b, b) = serve("b").await;
    let (_c, c) = serve("c").await;
    let channel = Channel::builder()
        .resolver(vec![a.with_weight(5), b, c.with_weight(2)])
        .service_config(config(r#""weighted_round_robin": {}"#))
        .build_insecure("localhost")
        .unwrap();
    let mut seen = BTreeMap::new();
    while seen.len() < 3 {
        *seen.entry(ask(&channel).await.unwrap()).or_insert(0) += 1;
    }
    let mut seen = BTreeMap::new();
    for _ in 0..400 {
        *seen.entry(ask(&channel).await.unwrap()).or_insert(0_i32) += 1;
    }
    for ((name, calls), expected) in seen.into_iter().zip([250, 50, 100]) {
        assert!((calls - expected).abs() <= 3, "{name}: {calls}");
    }
}

#[test]
fn least_request_refuses_less_than_two_choices() {
    for choices in [0, 1] {
        let error = LoadBalancing::least_request(choices).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
    }
    LoadBalancing::least_request(2).unwrap();
}

/// Makes policies that drop calls which ask for it, and note how the others end.
struct NotingFactory;

/// The recorded ends of calls: their codes, and whether the server sent the trailers.
static NOTED: Mutex<Vec<(Option<Code>, Option<String>)>> = Mutex::new(Vec::new());

impl PolicyFactory for NotingFactory {
    fn name(&self) -> &'static str {
        "noting"
    }

    fn read_config(
        &self,
        config: &mut ConfigObject<'_>,
    ) -> Result<Arc<dyn PolicyConfig>, ConfigError> {
        let child = LoadBalancing::read_list(config.need("childPolicy")?)?;
        Ok(Arc::new(child))
    }

    fn build(&self) -> Box<dyn Policy> {
        Box::new(Noting(None))
    }
}

struct Noting(Option<ChildPolicy>);

impl Noting {
    fn ask(
        &mut self,
        helper: &mut dyn Helper,
        ask: impl FnOnce(&mut ChildPolicy, &mut dyn Helper),
    ) {
        if let Some(child) = &mut self.0 {
            ask(child, helper);
            let picker = NotingPicker(Arc::clone(child.picker()));
            helper.update_state(child.state(), Arc::new(picker));
        }
    }
}

impl Policy for Noting {
    fn update(&mut self, update: &PolicyUpdate<'_>, helper: &mut dyn Helper) {
        let policy: &LoadBalancing = update.config().unwrap();
        self.0.get_or_insert_with(|| ChildPolicy::new(policy));
        self.ask(helper, |child, helper| child.update(policy, update, helper));
    }

    fn subchannel_changed(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        helper: &mut dyn Helper,
    ) {
        self.ask(helper, |child, helper| {
            assert!(child.subchannel_changed(subchannel, state, helper));
        });
    }

    fn exit_idle(&mut self, helper: &mut dyn Helper) {
        self.ask(helper, ChildPolicy::exit_idle);
    }
}

struct NotingPicker(Arc<dyn Picker>);

impl Picker for NotingPicker {
    fn pick(&self, call: &CallInfo<'_>) -> Pick {
        if call.metadata().get("drop").is_some() {
            return Pick::Drop(Status::permission_denied(format!("no {}", call.method())));
        }
        match self.0.pick(call) {
            Pick::Subchannel(ready) => Pick::Subchannel(ready.with_listener(Arc::new(Noter))),
            pick => pick,
        }
    }
}

struct Noter;

impl CallListener for Noter {
    fn call_ended(&self, end: &AttemptEnd<'_>) {
        let code = end.result().map(|result| match result {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        });
        let trailing = end.trailing_metadata();
        let server = trailing.and_then(|trailing| trailing.get("server").map(str::to_owned));
        NOTED.lock().unwrap().push((code, server));
    }
}

#[tokio::test]
async fn a_policy_of_a_program_drops_calls_and_is_told_how_others_end() {
    register_policy(&NotingFactory);
    let (_server, address) = serve("a").await;
    let channel = Channel::builder()
        .resolver(vec![address])
        .service_config(config(r#""noting": {"childPolicy": [{"pick_first": {}}]}"#))
        .build_insecure("localhost")
        .unwrap();
    assert_eq!(ask(&channel).await.unwrap(), "a");
    let failed = ask(&channel.with_metadata("fail", "yes")).await;
    assert_eq!(failed.unwrap_err().code(), Code::Aborted);
    // Whatever it waits for.
    let dropped = channel
        .with_metadata("drop", "yes")
        .with_wait_for_ready(true);
    let dropped = ask(&dropped).await.unwrap_err();
    assert_eq!(dropped.code(), Code::PermissionDenied);
    assert_eq!(dropped.message(), "no /names.Names/Who");
    let server = || Some("a".to_owned());
    let noted = [(Some(Code::Ok), server()), (Some(Code::Aborted), server())];
    assert_eq!(*NOTED.lock().unwrap(), noted);
}

#[test]
fn the_config_of_a_policy_is_read_by_it() {
    register_policy(&NotingFactory);
    for (policy, said) in [
        (r#""noting": {}"#, "noting.childPolicy: it is missing"),
        (
            r#""noting": {"childPolicy": [{"pick_first": {}}], "x": 1}"#,
            "noting.x: there is no such field",
        ),
        (
            r#""noting": {"childPolicy": [{"nobody": {}}]}"#,
            "noting.childPolicy: none of these policies is known; the known ones are",
        ),
    ] {
        let config = format!(r#"{{"loadBalancingConfig": [{{{policy}}}]}}"#);
        let error = ServiceConfig::from_json_strict(&config).unwrap_err();
        let prefix = "service config: loadBalancingConfig[0].";
        let message = error.message().strip_prefix(prefix).unwrap();
        assert!(message.starts_with(said), "{message}");
    }
}
