using Cilium.ControlPlane.Configuration;
using Cilium.Core;
using Cilium.Datapath;
using Cilium.Policy;

namespace Cilium.ControlPlane.Agent;

/// <summary>The keys of <see cref="AgentOptions"/>, and which of their values contradict each other.</summary>
internal static class AgentOptionKeys
{
    public static OptionSchema<AgentOptions> Schema() => AddDatapath(InstanceOptionKeys.AddTo(AddAgent(new OptionSchema<AgentOptions>())))
        .Absent("enable-l7-proxy", "the L7 proxy", "false", "true")
        .Absent("tunnel-protocol", "a tunnel other than VXLAN", "vxlan", "")
        .Absent("identity-allocation-mode", "an identity store other than CRDs", "crd", "")
        .Absent("enable-ipsec", "IPsec", "false", "")
        .Absent("enable-wireguard", "WireGuard", "false", "")
        .Absent("enable-host-firewall", "the host firewall", "false", "")
        .Absent("enable-ipv4-egress-gateway", "the egress gateway", "false", "")
        .Absent("enable-local-redirect-policy", "local redirect policies", "false", "")
        .Absent("enable-bandwidth-manager", "the bandwidth manager", "false", "")
        .Absent("enable-cilium-endpoint-slice", "CiliumEndpointSlices", "false", "")
        .Absent("policy-audit-mode", "policy audit mode", "false", "")
        .Absent("datapath-mode", "a datapath mode other than veth", "veth", "")
        .Absent("bpf-lb-algorithm", "a load balancing algorithm other than random", "random", "")
        .Absent("bpf-lb-mode", "a load balancing mode other than SNAT", "snat", "")
        .Absent("bpf-lb-acceleration", "load balancing in XDP", "disabled", "")
        .Absent("bpf-lb-external-clusterip", "cluster addresses for clients outside", "false", "")
        .Absent("bpf-lb-sock-hostns-only", "socket load balancing for the host's namespace only", "false", "")
        .Absent("nodeport-addresses", "a choice of node port addresses", "")
        .Absent("enable-ip-masq-agent", "the ip-masq-agent", "false", "")
        .Absent("policy-cidr-match-mode", "CIDR rules that select cluster entities", "")
        .Absent("cni-chaining-mode", "CNI chaining", "none", "");

    /// <summary>Adds an error for each contradiction.</summary>
    public static void Check(AgentOptions options, List<string> errors)
    {
        if (options.NodeName.Length == 0)
        {
            errors.Add("k8s-node-name (or the variable K8S_NODE_NAME) is required");
        }

        if (!options.Datapath.EnableIPv4 && !options.Datapath.EnableIPv6)
        {
            errors.Add("enable-ipv4 and enable-ipv6 must not both be false");
        }

        // The smallest that hosts must take (RFC 791, RFC 8200), and what a tunnel over IPv4 adds.
        var smallest = (options.Datapath.EnableIPv6 ? 1280 : 576) + (options.Datapath.EnableTunnel ? 50 : 0);
        if (options.Datapath.Mtu != 0 && options.Datapath.Mtu < smallest)
        {
            errors.Add($"mtu \"{options.Datapath.Mtu}\" must be 0 (as the underlay's devices have it) or at least {smallest}");
        }

        try
        {
            _ = options.LabelFilter;
        }
        catch (FormatException exception)
        {
            errors.Add($"labels \"{options.Labels}\": {exception.Message}");
        }

        if ((options.HubbleEventBufferCapacity & (options.HubbleEventBufferCapacity + 1)) != 0)
        {
            errors.Add($"hubble-event-buffer-capacity \"{options.HubbleEventBufferCapacity}\" must be a power of two minus one");
        }

        if (options.Ipam is "multi-pool" or "crd" or "eni" && !options.Datapath.EnableEndpointRoutes)
        {
            errors.Add($"enable-endpoint-routes must be true when ipam is {options.Ipam}: there is no route for all pods of a node");
        }

        if (options.Ipam == "eni")
        {
            CheckInstance(options, errors);
        }

        if (options.Datapath.EnableDirectNodeRoutes && options.Datapath.EnableTunnel)
        {
            errors.Add("auto-direct-node-routes needs routing-mode native");
        }

        if (options.ClusterName.Length is 0 or > 32)
        {
            errors.Add($"cluster-name \"{options.ClusterName}\" must have 1 to 32 characters");
        }

        foreach (var (family, masquerades) in new[]
        {
            ("ipv4", options.Datapath.EnableIPv4 && options.Datapath.EnableIPv4Masquerade), ("ipv6", options.Datapath.EnableIPv6 && options.Datapath.EnableIPv6Masquerade),
        })
        {
            // In mode eni it is the primary CIDR of the VPC, which the operator tells.
            if (options.Ipam != "eni" && !options.Datapath.EnableTunnel && masquerades && !options.Datapath.NativeRoutingPrefixes.Any(prefix => prefix.IsIPv4 == (family == "ipv4")))
            {
                errors.Add($"{family}-native-routing-cidr is required when routing-mode is native and enable-{family}-masquerade is true");
            }
        }
    }

    private static void CheckInstance(AgentOptions options, List<string> errors)
    {
        if (options.Datapath.EnableTunnel)
        {
            errors.Add("routing-mode must be native when ipam is eni");
        }

        if (!options.Datapath.EnableIPv4 || options.Datapath.EnableIPv6)
        {
            errors.Add("ipam eni gives IPv4 addresses only: enable-ipv4 must be true and enable-ipv6 false");
        }

        if (!Uri.TryCreate(options.Ec2MetadataEndpoint, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https"))
        {
            errors.Add($"ec2-metadata-endpoint \"{options.Ec2MetadataEndpoint}\" must be an http URL");
        }
    }

    private static OptionSchema<AgentOptions> AddAgent(OptionSchema<AgentOptions> schema) => schema
        .Text("k8s-node-name", "Kubernetes name of this node", (options, value) => options.NodeName = value, "K8S_NODE_NAME")
        .Text("k8s-kubeconfig-path", "Path of the kubeconfig", (options, value) => options.KubeconfigPath = value)
        .Text("k8s-api-server", "URL of the API server", (options, value) => options.ApiServer = value)
        .Text("cluster-name", "Name of the cluster", (options, value) => options.ClusterName = value)
        .Choice("ipam", "Address management mode", ["kubernetes", "cluster-pool", "multi-pool", "crd", "eni"], (options, value) => options.Ipam = value)
        .Prefixes("cluster-pool-ipv4-drained-cidr", "CIDRs that give no more IPv4 addresses", (options, value) => options.DrainedPodCidrs = [.. options.DrainedPodCidrs, .. value])
        .Prefixes("cluster-pool-ipv6-drained-cidr", "CIDRs that give no more IPv6 addresses", (options, value) => options.DrainedPodCidrs = [.. options.DrainedPodCidrs, .. value])
        .Text("ipam-default-ip-pool", "Pool of pods that name none", (options, value) => options.DefaultIPPool = value.Length == 0 ? options.DefaultIPPool : value)
        .Checked("ipam-multi-pool-pre-allocation", "Addresses kept ready, as pool=number", static (options, value) =>
        {
            var counts = PoolKeys.ParseCounts(value, out var problem);
            options.PoolPreAllocation = counts ?? options.PoolPreAllocation;
            return problem;
        })
        .Text("state-dir", "Directory of runtime state", (options, value) => options.StateDirectory = value)
        .Text("socket-path", "Socket of the REST API", (options, value) => options.SocketPath = value)
        .Text("cni-conf-dir", "Directory of CNI configurations", (options, value) => options.CniConfigurationDirectory = value)
        .Text("cni-bin-dir", "Directory of CNI plugins", (options, value) => options.CniBinaryDirectory = value)
        .Text("cni-plugin-path", "The plugin to install", (options, value) => options.CniPluginPath = value)
        .Text("cni-log-file", "Log file of the plugin", (options, value) => options.CniLogFile = value)
        .Boolean("cni-exclusive", "Set other CNI configurations aside", (options, value) => options.CniExclusive = value)
        .Boolean("custom-cni-conf", "Leave the CNI configuration to somebody else", (options, value) => options.CustomCniConfiguration = value)
        .Integer("agent-health-port", "Port of /healthz on the loopback address", 0, 65535, (options, value) => options.HealthPort = (int)value)
        .Boolean("enable-health-checking", "Probe nodes and answer probes", (options, value) => options.EnableHealthChecking = value)
        .Boolean("enable-endpoint-health-checking", "A health endpoint, and probes of other nodes'", (options, value) => options.EnableEndpointHealthChecking = value)
        .Integer("cluster-health-port", "TCP port of health probes", 1, 65535, (options, value) => options.ClusterHealthPort = (int)value)
        .Text("agent-not-ready-taint-key", "Taint to remove when ready", (options, value) => options.NotReadyTaint = value)
        .Choice("enable-policy", "When policy is enforced", ["default", "always", "never"], (options, value) => options.Enforcement = value switch
        {
            "always" => EnforcementMode.Always,
            "never" => EnforcementMode.Never,
            _ => EnforcementMode.Default,
        })
        .Choice("allow-localhost", "Let the node reach its pods", ["auto", "always", "policy"], (options, value) => options.AllowLocalhost = value != "policy")
        .Boolean("enable-k8s-networkpolicy", "Follow NetworkPolicy objects", (options, value) => options.EnableK8sNetworkPolicy = value)
        .Text("labels", "Labels that make identities", (options, value) => options.Labels = value)
        .Duration("identity-change-grace-period", "Wait before a changed identity is used", TimeSpan.Zero, (options, value) => options.IdentityChangeGracePeriod = value)
        .Text("k8s-service-proxy-name", "Service proxy name of this agent", (options, value) => options.ServiceProxyName = value)
        .Boolean("kube-proxy-replacement", "Balance services in place of kube-proxy", (options, value) =>
        {
            options.KubeProxyReplacement = value;
            options.Datapath.EnableNodePort |= value;
        })
        .Boolean("enable-node-port", "Serve services to clients outside the cluster; kube-proxy-replacement does", (options, value) => options.Datapath.EnableNodePort |= value)
        .Boolean("enable-hubble", "Record flows", (options, value) => options.EnableHubble = value)
        .Text("hubble-socket-path", "Hubble's socket", (options, value) => options.HubbleSocketPath = value)
        .Text("hubble-listen-address", "Hubble's TCP address", (options, value) => options.HubbleListenAddress = value)
        .Boolean("hubble-disable-tls", "Speak plain text on Hubble's TCP address", (options, value) => options.HubbleDisableTls = value)
        .Text("hubble-tls-cert-file", "Hubble's certificate", (options, value) => options.HubbleTlsCertFile = value)
        .Text("hubble-tls-key-file", "The private key of Hubble's certificate", (options, value) => options.HubbleTlsKeyFile = value)
        .List("hubble-tls-client-ca-files", "Authorities of Hubble's clients", (options, value) => options.HubbleTlsClientCaFiles = value)
        .Integer("hubble-event-buffer-capacity", "Flows kept, a power of two minus one", 1, 65535, (options, value) => options.HubbleEventBufferCapacity = (int)value)
        .Duration("crd-wait-timeout", "Longest wait for CRDs", TimeSpan.FromSeconds(1), (options, value) => options.CrdWaitTimeout = value)
        .Duration("endpoint-gc-interval", "Time between looks for dead endpoints", TimeSpan.FromSeconds(1), (options, value) => options.EndpointGcInterval = value);

    // The programs know one range of each family, as upstream's do.
    private static string? SetNativeRange(AgentOptions options, string text, bool isIPv4)
    {
        var others = options.Datapath.NativeRoutingPrefixes.Where(prefix => prefix.IsIPv4 != isIPv4);
        if (string.IsNullOrWhiteSpace(text))
        {
            options.Datapath.NativeRoutingPrefixes = [.. others];
            return null;
        }

        if (!Prefix.TryParse(text.Trim(), out var range) || range.IsIPv4 != isIPv4)
        {
            return $"must be one {(isIPv4 ? "IPv4" : "IPv6")} CIDR prefix";
        }

        if (range == default)
        {
            return "must be less than all of IPv6: with enable-ipv6-masquerade false nothing is masqueraded";
        }

        options.Datapath.NativeRoutingPrefixes = [.. others, range];
        return null;
    }

    private static OptionSchema<AgentOptions> AddDatapath(OptionSchema<AgentOptions> schema) => schema
        .Text("bpf-root", "A bpffs", (options, value) => options.Datapath.BpfRoot = value)
        .Text("cgroup-root", "The node's cgroup v2 folder", (options, value) => options.Datapath.CgroupRoot = value)
        .Boolean("enable-ipv4", "IPv4", (options, value) => options.Datapath.EnableIPv4 = value)
        .Boolean("enable-ipv6", "IPv6", (options, value) => options.Datapath.EnableIPv6 = value)
        .Choice("routing-mode", "tunnel or native", ["tunnel", "native", ""], (options, value) => options.Datapath.EnableTunnel = value != "native")
        .Boolean("enable-endpoint-routes", "A route per pod in place of one per range", (options, value) => options.Datapath.EnableEndpointRoutes = value)
        .Boolean("auto-direct-node-routes", "Routes to other nodes' pods through their addresses", (options, value) => options.Datapath.EnableDirectNodeRoutes = value)
        .Choice("underlay-protocol", "Family of the nodes' addresses that the tunnel runs over", ["ipv4", "ipv6", ""], (options, value) => options.Datapath.PrefersIPv6Underlay = value == "ipv6")
        .Integer("tunnel-port", "UDP port of the tunnel; 0 for 8472", 0, 65535, (options, value) => options.Datapath.TunnelPort = value == 0 ? (ushort)8472 : (ushort)value)
        .Boolean("bpf-encapsulation", "Encapsulate in the programs where that can be", (options, value) => options.Datapath.EncapsulateDirectly = value)
        .List("devices", "Underlay devices", (options, value) => options.Datapath.Devices = value)
        .Integer("mtu", "Underlay MTU", 0, 65535, (options, value) => options.Datapath.Mtu = (int)value)
        .Boolean("enable-ipv4-masquerade", "Masquerade IPv4", (options, value) => options.Datapath.EnableIPv4Masquerade = value)
        .Boolean("enable-ipv6-masquerade", "Masquerade IPv6", (options, value) => options.Datapath.EnableIPv6Masquerade = value)
        .Boolean("enable-bpf-masquerade", "Masquerade in BPF, the only way there is", (_, _) => { })
        .Checked("ipv4-native-routing-cidr", "IPv4 destinations that are not masqueraded", static (options, value) => SetNativeRange(options, value, isIPv4: true))
        .Checked("ipv6-native-routing-cidr", "IPv6 destinations that are not masqueraded", static (options, value) => SetNativeRange(options, value, isIPv4: false))
        .Boolean("bpf-lb-sock", "Translate services at socket calls; kube-proxy-replacement does", (options, value) =>
            options.Datapath.EnableSocketLoadBalancing = value || options.KubeProxyReplacement)
        .Choice("service-no-backend-response", "reject or drop", ["reject", "drop"], (options, value) =>
            options.Datapath.RejectServiceWithoutBackend = value == "reject")
        .Choice("monitor-aggregation", "How much of the packet stream is told", ["none", "None", "low", "lowest", "medium", "maximum"], (options, value) =>
            options.Datapath.MonitorAggregation = value switch
            {
                "none" or "None" => MonitorAggregation.None,
                "low" or "lowest" => MonitorAggregation.Low,
                _ => MonitorAggregation.Medium,
            })
        .Duration("monitor-aggregation-interval", "Time between events of a connection", TimeSpan.Zero, (options, value) =>
            options.Datapath.MonitorAggregationInterval = value)
        .Boolean("bpf-events-drop-enabled", "Drop events", (options, value) => options.Datapath.EnableDropEvents = value)
        .Boolean("bpf-events-trace-enabled", "Trace events", (options, value) => options.Datapath.EnableTraceEvents = value)
        .Boolean("bpf-events-policy-verdict-enabled", "Policy verdict events", (options, value) => options.Datapath.EnablePolicyVerdictEvents = value)
        .Boolean("trace-sock", "Events of translated socket calls", (options, value) => options.Datapath.EnableSocketEvents = value)
        .Duration("bpf-ct-timeout-regular-tcp", "Lifetime of TCP connections", TimeSpan.FromSeconds(1), (options, value) => options.Datapath.ConntrackTimeoutTcp = value)
        .Duration("bpf-ct-timeout-regular-tcp-syn", "Lifetime of half-open connections", TimeSpan.FromSeconds(1), (options, value) =>
            options.Datapath.ConntrackTimeoutTcpSyn = value)
        .Duration("bpf-ct-timeout-regular-tcp-fin", "Lifetime of closing connections", TimeSpan.FromSeconds(1), (options, value) =>
            options.Datapath.ConntrackTimeoutTcpFin = value)
        .Duration("bpf-ct-timeout-regular-any", "Lifetime of other connections", TimeSpan.FromSeconds(1), (options, value) => options.Datapath.ConntrackTimeoutAny = value)
        .Fraction("bpf-map-dynamic-size-ratio", "Part of the memory for maps of connections", (options, value) => options.MapSizing.Ratio = value)
        .Integer("bpf-ct-global-tcp-max", "TCP connections in the conntrack map", 1024, 1 << 24, (options, value) => options.MapSizing.ConntrackTcp = (uint)value)
        .Integer("bpf-ct-global-any-max", "Other connections in the conntrack map", 1024, 1 << 24, (options, value) => options.MapSizing.ConntrackAny = (uint)value)
        .Integer("bpf-nat-global-max", "Translated connections", 1024, 1 << 24, (options, value) => options.MapSizing.Snat = (uint)value)
        .Integer("bpf-sock-rev-map-max", "Sockets connected to services", 1024, 1 << 24, (options, value) => options.MapSizing.SocketRevNat = (uint)value)
        .Integer("bpf-policy-map-max", "Entries of a policy", 256, 65536, (options, value) => options.Datapath.PolicyEntries = (uint)value)
        .Integer("bpf-lb-map-max", "Entries of service maps", 256, 1 << 24, (options, value) => options.Datapath.LoadBalancingEntries = (uint)value)
        .Boolean("enable-tcx", "Attach by TCX", (options, value) => options.Datapath.EnableTcx = value)
        .Integer("trace-payloadlen", "Bytes of a packet in its event", 14, 128, (options, value) => options.Datapath.TracePayloadLength = (int)value);
}
