using System.Globalization;
using System.Text.Json;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes.Decoding;

namespace Cilium.Kubernetes;

/// <summary>Reads once what a cluster has written down about its addresses.</summary>
/// <remarks>Thread-safe. Refusals of the server are <see cref="KubernetesException"/>.</remarks>
public sealed class ClusterAddressReader
{
    private const int DefaultIPv4MaskSize = 24;
    private const int DefaultIPv6MaskSize = 112;
    private readonly KubernetesConnection _connection;
    private readonly string _namespace;

    /// <summary>Makes a reader.</summary>
    /// <param name="connection">The API server.</param>
    /// <param name="inNamespace">The namespace of the ConfigMap <c>cilium-config</c>.</param>
    public ClusterAddressReader(KubernetesConnection connection, string inNamespace)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentException.ThrowIfNullOrEmpty(inNamespace);
        _connection = connection;
        _namespace = inNamespace;
    }

    /// <summary>The path of the ConfigMap with the mode and the pools of mode <c>cluster-pool</c>.</summary>
    internal static string ConfigPath(string inNamespace) => $"api/v1/namespaces/{Uri.EscapeDataString(inNamespace)}/configmaps/cilium-config";

    /// <summary>Reads everything. Pods come last, so that what is missing from them is truly gone.</summary>
    public async Task<ClusterAddresses> ReadAsync(CancellationToken cancellationToken)
    {
        var config = await _connection.SendJsonAsync(HttpMethod.Get, ConfigPath(_namespace), null, cancellationToken);
        var data = config.TryGetProperty("data", out var found) && found.ValueKind == JsonValueKind.Object ? found : default;
        var mode = Text(data, "ipam") is { Length: > 0 } text ? text : "cluster-pool";
        var endpoints = await ListAsync(Resource.CiliumEndpoints, CiliumDecoders.CiliumEndpoint, cancellationToken);
        var ciliumNodes = await ListAsync(Resource.CiliumNodes, CiliumNodeDecoder.Node, cancellationToken);
        var nodes = (await ListAsync(Resource.Nodes, CoreDecoders.Node, cancellationToken)).ToDictionary(node => node.Name);
        var pools = mode == "multi-pool" ? await ListAsync(Resource.CiliumPodIPPools, PoolDecoders.PodIPPool, cancellationToken) : [];
        var pods = await ListAsync(Resource.Pods, CoreDecoders.Pod, cancellationToken);
        return new ClusterAddresses
        {
            Mode = mode,
            Nodes = ciliumNodes.ConvertAll(node => NodeOf(node, nodes.GetValueOrDefault(node.Name))),
            Pods = pods.Where(pod => !pod.HostNetwork).Select(PodOf).ToList(),
            Endpoints = endpoints.ConvertAll(endpoint => new EndpointAddressing(endpoint.Key.ToString(), [.. endpoint.Addresses])),
            Pools = mode == "cluster-pool" ? [ClusterPoolOf(data)] : pools.ConvertAll(pool => pool.Definition),
            DrainedCidrs = mode == "cluster-pool" ? [.. Prefixes(data, ClusterPoolKeys.Drained(true)), .. Prefixes(data, ClusterPoolKeys.Drained(false))] : [],
        };
    }

    private static NodeAddressing NodeOf(CiliumNodeRow node, KubeNodeRow? kubeNode)
    {
        var own = new Dictionary<IpAddr, string>();
        foreach (var router in node.Addresses.Where(address => address.Type == NodeAddress.CiliumInternalIP))
        {
            own[router.Address] = AddressOwners.Router;
        }

        foreach (var (address, owner) in node.HealthIPs.Select(address => (address, AddressOwners.Health)).Concat(node.IngressIPs.Select(address => (address, AddressOwners.Ingress))))
        {
            if (!address.IsNone)
            {
                own[address] = owner;
            }
        }

        return new NodeAddressing(node.Name)
        {
            HasNode = kubeNode is not null,
            Version = node.ResourceVersion,
            Held = [.. node.AllocatedPools, .. node.PodCidrs.Count > 0 ? [new PoolCidrs(PoolNames.Default, node.PodCidrs)] : Array.Empty<PoolCidrs>()],
            Granted = kubeNode is null ? [] : [.. kubeNode.PodCidrs],
            Own = own,
            Listed = [.. Addresses(node.PoolAddresses.Keys)],
            Used = node.UsedAddresses.Where(pair => IpAddr.TryParse(pair.Key, out _)).ToDictionary(pair => IpAddr.Parse(pair.Key), pair => pair.Value),
        };
    }

    private static IEnumerable<IpAddr> Addresses(IEnumerable<string> texts) =>
        texts.Select(text => IpAddr.TryParse(text, out var address) ? address : IpAddr.None).Where(address => !address.IsNone);

    private static PodAddressing PodOf(PodRow pod) => new(pod.Key.ToString(), pod.NodeName, [.. pod.PodIPs], !pod.IsFinished && !pod.IsTerminating);

    private static PoolDefinition ClusterPoolOf(JsonElement data) => new(PoolNames.Default, FamilyOf(data, isIPv4: true), FamilyOf(data, isIPv4: false));

    private static PoolFamily? FamilyOf(JsonElement data, bool isIPv4)
    {
        var cidrs = Prefixes(data, ClusterPoolKeys.Cidrs(isIPv4));
        var maskSize = int.TryParse(Text(data, ClusterPoolKeys.MaskSize(isIPv4)), NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            ? size
            : isIPv4 ? DefaultIPv4MaskSize : DefaultIPv6MaskSize;
        var isEnabled = Text(data, isIPv4 ? "enable-ipv4" : "enable-ipv6") != "false";
        return cidrs.Count == 0 || !isEnabled ? null : new PoolFamily(cidrs.ToEquatableArray(), maskSize);
    }

    private static List<Prefix> Prefixes(JsonElement data, string key) =>
        [.. Text(data, key).Split([' ', ',', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Where(text => Prefix.TryParse(text, out _)).Select(Prefix.Parse)];

    private static string Text(JsonElement data, string key) =>
        data.ValueKind == JsonValueKind.Object && data.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private async Task<List<TRow>> ListAsync<TRow>(Resource resource, RowDecoder<TRow> decode, CancellationToken cancellationToken)
        where TRow : class
    {
        var rows = new List<TRow>();
        var next = "";
        do
        {
            var path = $"{resource.CollectionPath("")}?limit=500{(next.Length > 0 ? $"&continue={Uri.EscapeDataString(next)}" : "")}";
            var page = await _connection.ListAsync(
                path,
                item =>
                {
                    if (decode(item) is { } row)
                    {
                        rows.Add(row);
                    }
                },
                cancellationToken);
            next = page.Continue ?? "";
        }
        while (next.Length > 0);
        return rows;
    }
}
