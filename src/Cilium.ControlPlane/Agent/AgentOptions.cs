using Cilium.Core;
using Cilium.Datapath;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Agent;

/// <summary>The configuration of an agent; keys are upstream's where upstream has them.</summary>
public sealed class AgentOptions
{
    /// <summary>The Kubernetes name of this node. Key <c>k8s-node-name</c>, variable <c>K8S_NODE_NAME</c>.</summary>
    public string NodeName { get; set; } = "";

    /// <summary>The kubeconfig; empty for the pod's service account. Key <c>k8s-kubeconfig-path</c>.</summary>
    public string KubeconfigPath { get; set; } = "";

    /// <summary>The API server's URL in place of the kubeconfig's; empty to keep it. Key <c>k8s-api-server</c>.</summary>
    public string ApiServer { get; set; } = "";

    /// <summary>The cluster's name. Key <c>cluster-name</c>.</summary>
    public string ClusterName { get; set; } = "default";

    /// <summary>Address management: <c>kubernetes</c>, <c>cluster-pool</c>, <c>multi-pool</c>, <c>crd</c> or <c>eni</c>. Key <c>ipam</c>.</summary>
    public string Ipam { get; set; } = "cluster-pool";

    /// <summary>CIDRs that give pods no more addresses in mode <c>cluster-pool</c>. Keys <c>cluster-pool-ipv4-drained-cidr</c> and <c>-ipv6-</c>.</summary>
    public IReadOnlyList<Prefix> DrainedPodCidrs { get; set; } = [];

    /// <summary>The pool of pods that name none. Key <c>ipam-default-ip-pool</c>.</summary>
    public string DefaultIPPool { get; set; } = "default";

    /// <summary>Addresses kept ready by pool. Key <c>ipam-multi-pool-pre-allocation</c>.</summary>
    public IReadOnlyDictionary<string, int> PoolPreAllocation { get; set; } = new Dictionary<string, int> { ["default"] = 8 };

    /// <summary>URL of the instance metadata service (mode <c>eni</c>). Key <c>ec2-metadata-endpoint</c>, which is ours; variable as of the AWS SDKs, <c>AWS_EC2_METADATA_SERVICE_ENDPOINT</c>.</summary>
    public string Ec2MetadataEndpoint { get; set; } = "http://169.254.169.254";

    /// <summary>What interfaces of this node shall be like (mode <c>eni</c>); what the instance is, it tells itself. Keys <c>eni-…</c>.</summary>
    public NodeInstance Instance { get; set; } = new();

    /// <summary>How many addresses this node keeps ready (mode <c>eni</c>). Keys <c>ipam-pre-allocate</c>, <c>ipam-min-allocate</c>, …</summary>
    public AddressWatermarks Watermarks { get; set; } = new();

    /// <summary>Folder of everything that outlives the process except pins. Key <c>state-dir</c>.</summary>
    public string StateDirectory { get; set; } = "/var/run/cilium";

    /// <summary>Socket of the REST API; empty for <c>cilium.sock</c> in the state directory. Key <c>socket-path</c>.</summary>
    public string SocketPath { get; set; } = "";

    /// <summary>Where the conflist is written; empty to write none. Key <c>cni-conf-dir</c>.</summary>
    public string CniConfigurationDirectory { get; set; } = "/etc/cni/net.d";

    /// <summary>Where the plugin is copied; empty to copy none. Key <c>cni-bin-dir</c>.</summary>
    public string CniBinaryDirectory { get; set; } = "/opt/cni/bin";

    /// <summary>The plugin to copy; empty for the one beside the agent. Key <c>cni-plugin-path</c>.</summary>
    public string CniPluginPath { get; set; } = "";

    /// <summary>The plugin's log file. Key <c>cni-log-file</c>.</summary>
    public string CniLogFile { get; set; } = "";

    /// <summary>Other configurations in the folder are set aside. Key <c>cni-exclusive</c>.</summary>
    public bool CniExclusive { get; set; } = true;

    /// <summary>Somebody else writes the node's CNI configuration: the folder is left alone. Key <c>custom-cni-conf</c>.</summary>
    public bool CustomCniConfiguration { get; set; }

    internal bool WritesCniConfiguration => CniConfigurationDirectory.Length > 0 && !CustomCniConfiguration;

    /// <summary>Port of <c>/healthz</c> on the loopback address; 0 for none. Key <c>agent-health-port</c>.</summary>
    public int HealthPort { get; set; } = 9879;

    /// <summary>Probe the nodes of the cluster and answer their probes. Key <c>enable-health-checking</c>.</summary>
    public bool EnableHealthChecking { get; set; } = true;

    /// <summary>Have a health endpoint, reached as pods are, and probe those of other nodes. Key <c>enable-endpoint-health-checking</c>.</summary>
    public bool EnableEndpointHealthChecking { get; set; } = true;

    /// <summary>TCP port on which probes are answered, the same on all nodes. Key <c>cluster-health-port</c>.</summary>
    public int ClusterHealthPort { get; set; } = 4240;

    /// <summary>Taint that is removed when the agent is ready. Key <c>agent-not-ready-taint-key</c>.</summary>
    public string NotReadyTaint { get; set; } = "node.cilium.io/agent-not-ready";

    /// <summary>When policy is enforced. Key <c>enable-policy</c>.</summary>
    public EnforcementMode Enforcement { get; set; } = EnforcementMode.Default;

    /// <summary>Let the local node reach its pods unless denied. Key <c>allow-localhost</c> other than <c>policy</c>.</summary>
    public bool AllowLocalhost { get; set; } = true;

    /// <summary>Follow NetworkPolicy objects. Key <c>enable-k8s-networkpolicy</c>.</summary>
    public bool EnableK8sNetworkPolicy { get; set; } = true;

    /// <summary>Which labels make identities. Key <c>labels</c>.</summary>
    public string Labels { get; set; } = "";

    /// <summary>Services with this proxy name are ours. Key <c>k8s-service-proxy-name</c>.</summary>
    public string ServiceProxyName { get; set; } = "";

    /// <summary>Service load balancing in place of kube-proxy. Key <c>kube-proxy-replacement</c>.</summary>
    public bool KubeProxyReplacement { get; set; }

    /// <summary>How long to wait for the operator to register CRDs. Key <c>crd-wait-timeout</c>.</summary>
    public TimeSpan CrdWaitTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Time between looks for endpoints whose device is gone. Key <c>endpoint-gc-interval</c>.</summary>
    public TimeSpan EndpointGcInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a new endpoint may wait for an identity of its own before it starts as <c>reserved:init</c>.</summary>
    public TimeSpan IdentityPatience { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the API server may be silent before it counts as away for <see cref="IdentityPatience"/>.</summary>
    public TimeSpan IdentityPatienceWhenAway { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long other nodes have to learn the new identity of a running endpoint before it sends with it. Key <c>identity-change-grace-period</c>.</summary>
    public TimeSpan IdentityChangeGracePeriod { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Record flows. Key <c>enable-hubble</c>.</summary>
    public bool EnableHubble { get; set; }

    /// <summary>Hubble's socket; empty for <c>hubble.sock</c> in the state directory. Key <c>hubble-socket-path</c>.</summary>
    public string HubbleSocketPath { get; set; } = "";

    /// <summary>Hubble's TCP address, <c>:4244</c> or <c>address:port</c>; empty for none. Key <c>hubble-listen-address</c>.</summary>
    public string HubbleListenAddress { get; set; } = "";

    /// <summary>Speak plain text on Hubble's TCP address. Key <c>hubble-disable-tls</c>.</summary>
    public bool HubbleDisableTls { get; set; }

    /// <summary>PEM file of Hubble's certificate. Key <c>hubble-tls-cert-file</c>.</summary>
    public string HubbleTlsCertFile { get; set; } = "";

    /// <summary>PEM file of the certificate's private key. Key <c>hubble-tls-key-file</c>.</summary>
    public string HubbleTlsKeyFile { get; set; } = "";

    /// <summary>
    /// PEM files of the authorities that the certificates of Hubble's clients must come from; empty to accept clients without one. Key
    /// <c>hubble-tls-client-ca-files</c>.
    /// </summary>
    public IReadOnlyList<string> HubbleTlsClientCaFiles { get; set; } = [];

    /// <summary>Flows kept: a power of two minus one. Key <c>hubble-event-buffer-capacity</c>.</summary>
    public int HubbleEventBufferCapacity { get; set; } = 4095;

    /// <summary>Capacities of the maps of connections.</summary>
    public MapSizing MapSizing { get; } = new();

    /// <summary>What becomes constant in the programs.</summary>
    public DatapathOptions Datapath { get; } = new();

    /// <summary>Every key that was written, with its value, as <c>cilium config view</c> and the API show it.</summary>
    public IReadOnlyDictionary<string, string> Written { get; set; } = new Dictionary<string, string>();

    /// <summary>The REST API's socket.</summary>
    public string EffectiveSocketPath => SocketPath.Length > 0 ? SocketPath : Path.Combine(StateDirectory, "cilium.sock");

    /// <summary>The socket that tells which nodes are reached.</summary>
    public string EffectiveHealthSocketPath => Path.Combine(StateDirectory, "health.sock");

    /// <summary>True when this node is to have a health endpoint.</summary>
    public bool HasHealthEndpoint => EnableHealthChecking && EnableEndpointHealthChecking;

    /// <summary>Hubble's socket.</summary>
    public string EffectiveHubbleSocketPath => HubbleSocketPath.Length > 0 ? HubbleSocketPath : Path.Combine(StateDirectory, "hubble.sock");

    /// <summary>The filter that <see cref="Labels"/> describes, made once: each takes megabytes.</summary>
    public LabelFilter LabelFilter => field ??= Labels.Length == 0 ? LabelFilter.Default : LabelFilter.Parse(Labels);

    /// <summary>What policies must know of the cluster.</summary>
    public ClusterFacts Cluster => new(ClusterName, Datapath.EnableIPv4, Datapath.EnableIPv6);

    /// <summary>The keys of the agent.</summary>
    public static Configuration.OptionSchema<AgentOptions> Schema() => AgentOptionKeys.Schema();
}
