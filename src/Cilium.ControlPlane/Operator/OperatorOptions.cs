using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.ControlPlane.Operator;

/// <summary>What the operator is told.</summary>
public sealed class OperatorOptions
{
    /// <summary>A kubeconfig file; empty for the service account of the pod.</summary>
    public string KubeconfigPath { get; set; } = "";

    /// <summary>Replaces the server's URL of the kubeconfig; empty keeps it.</summary>
    public string ApiServerUrl { get; set; } = "";

    /// <summary>The namespace of the lease.</summary>
    public string Namespace { get; set; } = "kube-system";

    /// <summary>Who decides pod CIDRs: <c>cluster-pool</c> and <c>multi-pool</c> (the operator), <c>eni</c> (the operator, in AWS), <c>kubernetes</c>, or <c>crd</c> (somebody else).</summary>
    public string Ipam { get; set; } = "cluster-pool";

    /// <summary>The CiliumPodIPPools that are created unless they exist.</summary>
    public IReadOnlyList<PoolDefinition> AutoCreatePodIPPools { get; set; } = [];

    /// <summary>The cluster's name. Key <c>cluster-name</c>.</summary>
    public string ClusterName { get; set; } = "default";

    /// <summary>Mode <c>eni</c>.</summary>
    public InterfaceOptions Interfaces { get; } = new();

    /// <summary>The tags by which interfaces of ours are known: those that were given, or upstream's.</summary>
    public IReadOnlyDictionary<string, string> InterfaceGcTags => Interfaces.GcTags.Count > 0 ? Interfaces.GcTags : new Dictionary<string, string>
    {
        ["io.cilium/cilium-managed"] = "true",
        ["io.cilium/cluster-name"] = ClusterName,
    };

    /// <summary>True to give load balancer addresses only to services that name a class.</summary>
    public bool RequireLoadBalancerClass { get; set; }

    /// <summary>True when services of the class of BGP are announced.</summary>
    public bool EnableBgp { get; set; }

    /// <summary>True when services of the class of L2 announcements are announced.</summary>
    public bool EnableL2Announcements { get; set; }

    /// <summary>True when pods get IPv4 addresses.</summary>
    public bool EnableIPv4 { get; set; } = true;

    /// <summary>True when pods get IPv6 addresses.</summary>
    public bool EnableIPv6 { get; set; } = true;

    /// <summary>The prefixes from which nodes get IPv4 pod CIDRs.</summary>
    public IReadOnlyList<Prefix> ClusterPoolIPv4Cidrs { get; set; } = [];

    /// <summary>The prefixes from which nodes may still hold IPv4 pod CIDRs, and get no more.</summary>
    public IReadOnlyList<Prefix> ClusterPoolIPv4DrainedCidrs { get; set; } = [];

    /// <summary>The length of a node's IPv4 pod CIDR.</summary>
    public int ClusterPoolIPv4MaskSize { get; set; } = 24;

    /// <summary>The prefixes from which nodes get IPv6 pod CIDRs.</summary>
    public IReadOnlyList<Prefix> ClusterPoolIPv6Cidrs { get; set; } = [];

    /// <summary>The prefixes from which nodes may still hold IPv6 pod CIDRs, and get no more.</summary>
    public IReadOnlyList<Prefix> ClusterPoolIPv6DrainedCidrs { get; set; } = [];

    /// <summary>The length of a node's IPv6 pod CIDR.</summary>
    public int ClusterPoolIPv6MaskSize { get; set; } = 112;

    /// <summary>Time between two looks for unused identities; zero for never.</summary>
    public TimeSpan IdentityGcInterval { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How long an identity must be unused before it is deleted.</summary>
    public TimeSpan IdentityHeartbeatTimeout { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Time between two looks for CiliumEndpoints without a pod; zero for never.</summary>
    public TimeSpan EndpointGcInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Time between two looks for CiliumNodes without a node; zero for never.</summary>
    public TimeSpan NodesGcInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>True to judge policies and tell the result on the objects.</summary>
    public bool ValidateNetworkPolicy { get; set; } = true;

    /// <summary>True to leave the custom resource definitions to others.</summary>
    public bool SkipCrdCreation { get; set; }

    /// <summary>The labels of identities, as upstream's option <c>labels</c> writes them.</summary>
    public string Labels { get; set; } = "";

    /// <summary>The address of the health and metrics server; a missing host is all addresses.</summary>
    public string ApiServeAddress { get; set; } = "localhost:9234";

    /// <summary>The address of the metrics server for Prometheus; empty for none.</summary>
    public string PrometheusServeAddress { get; set; } = "";

    /// <summary>How long the other operators wait for the leader.</summary>
    public TimeSpan LeaderElectionLeaseDuration { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a leader that cannot renew still leads.</summary>
    public TimeSpan LeaderElectionRenewDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between two attempts to lead.</summary>
    public TimeSpan LeaderElectionRetryPeriod { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>True to log details.</summary>
    public bool Debug { get; set; }
}
