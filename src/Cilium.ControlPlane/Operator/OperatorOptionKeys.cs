using Cilium.ControlPlane.Configuration;

namespace Cilium.ControlPlane.Operator;

/// <summary>The keys of the operator's options, which are upstream's.</summary>
public static class OperatorOptionKeys
{
    /// <summary>The directory with one file per key.</summary>
    public const string ConfigDirectory = "config-dir";

    /// <summary>Makes the schema.</summary>
    public static OptionSchema<OperatorOptions> Create() => InterfaceOptionKeys.AddTo(new OptionSchema<OperatorOptions>())
        .Text(ConfigDirectory, "Directory with one file per key", static (_, _) => { })
        .Text("k8s-kubeconfig-path", "Kubeconfig file; without one the pod's service account is used", static (o, v) => o.KubeconfigPath = v)
        .Text("k8s-api-server", "URL of the API server, instead of the kubeconfig's", static (o, v) => o.ApiServerUrl = v)
        .Text("cilium-pod-namespace", "Namespace of the lease", static (o, v) => o.Namespace = v.Length == 0 ? o.Namespace : v, "CILIUM_K8S_NAMESPACE")
        .Choice("ipam", "Who decides pod CIDRs", ["cluster-pool", "kubernetes", "multi-pool", "crd", "eni"], static (o, v) => o.Ipam = v)
        .Text("cluster-name", "Name of the cluster", static (o, v) => o.ClusterName = v.Length == 0 ? o.ClusterName : v)
        .Boolean("enable-ipv4", "Pods get IPv4 addresses", static (o, v) => o.EnableIPv4 = v)
        .Boolean("enable-ipv6", "Pods get IPv6 addresses", static (o, v) => o.EnableIPv6 = v)
        .Prefixes("cluster-pool-ipv4-cidr", "Prefixes from which nodes get IPv4 pod CIDRs", static (o, v) => o.ClusterPoolIPv4Cidrs = v)
        .Prefixes("cluster-pool-ipv4-drained-cidr", "Prefixes of which nodes get no IPv4 pod CIDRs any more", static (o, v) => o.ClusterPoolIPv4DrainedCidrs = v)
        .Integer("cluster-pool-ipv4-mask-size", "Length of a node's IPv4 pod CIDR", 1, 30, static (o, v) => o.ClusterPoolIPv4MaskSize = (int)v)
        .Prefixes("cluster-pool-ipv6-cidr", "Prefixes from which nodes get IPv6 pod CIDRs", static (o, v) => o.ClusterPoolIPv6Cidrs = v)
        .Prefixes("cluster-pool-ipv6-drained-cidr", "Prefixes of which nodes get no IPv6 pod CIDRs any more", static (o, v) => o.ClusterPoolIPv6DrainedCidrs = v)
        .Integer("cluster-pool-ipv6-mask-size", "Length of a node's IPv6 pod CIDR", 1, 126, static (o, v) => o.ClusterPoolIPv6MaskSize = (int)v)
        .Checked("auto-create-cilium-pod-ip-pools", "CiliumPodIPPools to create unless they exist", static (o, v) =>
        {
            o.AutoCreatePodIPPools = PoolKeys.ParsePools(v, out var problem) ?? o.AutoCreatePodIPPools;
            return problem;
        })
        .Boolean("lbipam-require-lb-class", "Give load balancer addresses only to services with a class", static (o, v) => o.RequireLoadBalancerClass = v)
        .Boolean("enable-bgp-control-plane", "Serve the load balancer class of BGP", static (o, v) => o.EnableBgp = v)
        .Boolean("enable-l2-announcements", "Serve the load balancer class of L2 announcements", static (o, v) => o.EnableL2Announcements = v)
        .Choice("identity-allocation-mode", "Where identities are kept", ["crd"], static (_, _) => { })
        .Duration("identity-gc-interval", "Time between looks for unused identities; 0 for never", TimeSpan.Zero, static (o, v) => o.IdentityGcInterval = v)
        .Duration("identity-heartbeat-timeout", "How long an identity must be unused", TimeSpan.Zero, static (o, v) => o.IdentityHeartbeatTimeout = v)
        .Duration("cilium-endpoint-gc-interval", "Time between looks for endpoints without a pod; 0 for never", TimeSpan.Zero, static (o, v) => o.EndpointGcInterval = v)
        .Duration("nodes-gc-interval", "Time between looks for CiliumNodes without a node; 0 for never", TimeSpan.Zero, static (o, v) => o.NodesGcInterval = v)
        .Boolean("validate-network-policy", "Tell on policies whether they are valid", static (o, v) => o.ValidateNetworkPolicy = v)
        .Boolean("skip-crd-creation", "Leave the custom resource definitions to others", static (o, v) => o.SkipCrdCreation = v)
        .Text("labels", "Which labels identities have", static (o, v) => o.Labels = v)
        .Text("operator-api-serve-addr", "Address of the health server", static (o, v) => o.ApiServeAddress = v)
        .Text("operator-prometheus-serve-addr", "Address of the metrics server", static (o, v) => o.PrometheusServeAddress = v)
        .Duration("leader-election-lease-duration", "How long others wait for the leader", TimeSpan.FromSeconds(1), static (o, v) => o.LeaderElectionLeaseDuration = v)
        .Duration("leader-election-renew-deadline", "How long a leader that cannot renew leads", TimeSpan.FromSeconds(1), static (o, v) => o.LeaderElectionRenewDeadline = v)
        .Duration("leader-election-retry-period", "Time between attempts to lead", TimeSpan.FromMilliseconds(100), static (o, v) => o.LeaderElectionRetryPeriod = v)
        .Boolean("debug", "Log details", static (o, v) => o.Debug = v)
        .Absent("enable-cilium-endpoint-slice", "CiliumEndpointSlice", "false", "")
        .Absent("enable-ingress-controller", "the ingress controller", "false", "")
        .Absent("enable-gateway-api", "the gateway API", "false", "");

    /// <summary>Adds errors about values that contradict each other.</summary>
    public static void Check(OperatorOptions options, List<string> errors)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(errors);
        if (!options.EnableIPv4 && !options.EnableIPv6)
        {
            errors.Add("enable-ipv4 and enable-ipv6 are both false");
        }

        if (options.LeaderElectionLeaseDuration <= options.LeaderElectionRenewDeadline
            || options.LeaderElectionRenewDeadline <= options.LeaderElectionRetryPeriod)
        {
            errors.Add("leader-election-lease-duration must be longer than leader-election-renew-deadline, and that longer than leader-election-retry-period");
        }

        if (options.Ipam == "eni" && (!options.EnableIPv4 || options.EnableIPv6))
        {
            errors.Add("ipam eni gives IPv4 addresses only: enable-ipv4 must be true and enable-ipv6 false");
        }

        if (options.Ipam == "cluster-pool")
        {
            CheckPool("ipv4", options.EnableIPv4, options.ClusterPoolIPv4Cidrs, options.ClusterPoolIPv4MaskSize, true, errors);
            CheckDrained("ipv4", options.ClusterPoolIPv4Cidrs, options.ClusterPoolIPv4DrainedCidrs, errors);
            CheckPool("ipv6", options.EnableIPv6, options.ClusterPoolIPv6Cidrs, options.ClusterPoolIPv6MaskSize, false, errors);
            CheckDrained("ipv6", options.ClusterPoolIPv6Cidrs, options.ClusterPoolIPv6DrainedCidrs, errors);
        }
    }

    private static void CheckDrained(string family, IReadOnlyList<Core.Prefix> cidrs, IReadOnlyList<Core.Prefix> drained, List<string> errors) =>
        errors.AddRange(drained.SelectMany(gone => cidrs.Where(gone.Overlaps).Select(cidr => $"cluster-pool-{family}-drained-cidr: {gone} overlaps {cidr}, which is not drained")));

    private static void CheckPool(
        string family, bool isEnabled, IReadOnlyList<Core.Prefix> cidrs, int maskSize, bool isIPv4, List<string> errors)
    {
        if (!isEnabled)
        {
            return;
        }

        if (cidrs.Count == 0)
        {
            errors.Add($"cluster-pool-{family}-cidr is empty, but enable-{family} is true and ipam is cluster-pool");
        }

        for (var i = 0; i < cidrs.Count; i++)
        {
            if (cidrs[i].IsIPv4 != isIPv4)
            {
                errors.Add($"cluster-pool-{family}-cidr: {cidrs[i]} is of the other family");
            }
            else if (cidrs[i].Length > maskSize)
            {
                errors.Add($"cluster-pool-{family}-cidr: {cidrs[i]} is smaller than cluster-pool-{family}-mask-size {maskSize}");
            }

            for (var j = 0; j < i; j++)
            {
                if (cidrs[i].Overlaps(cidrs[j]))
                {
                    errors.Add($"cluster-pool-{family}-cidr: {cidrs[i]} and {cidrs[j]} overlap");
                }
            }
        }
    }
}
