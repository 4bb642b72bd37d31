using Cilium.Core.Tables;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Reflectors;
using Microsoft.Extensions.Logging;

namespace Cilium.Kubernetes;

/// <summary>The reflectors of a program: choose what to follow, then run them all.</summary>
/// <remarks>Choosing registers the tables' initializers, so choose before anything waits for them. Not thread-safe until it runs.</remarks>
public sealed class KubernetesReflectors
{
    private readonly KubernetesConnection _connection;
    private readonly KubernetesTables _tables;
    private readonly ReflectorOptions _options;
    private readonly ILogger _logger;
    private readonly List<IReflector> _reflectors = [];

    /// <summary>Makes an empty set.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public KubernetesReflectors(KubernetesConnection connection, KubernetesTables tables, ReflectorOptions options, ILogger<KubernetesReflectors> logger)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(logger);
        options.Validate();
        _connection = connection;
        _tables = tables;
        _options = options;
        _logger = logger;
    }

    /// <summary>Follows pods: all, or those of one node.</summary>
    public KubernetesReflectors FollowPods(string? nodeName = null) =>
        Follow("pods", Resource.Pods, nodeName is null ? "" : FieldSelector("spec.nodeName", nodeName), _tables.Pods, CoreDecoders.Pod);

    /// <summary>Follows namespaces.</summary>
    public KubernetesReflectors FollowNamespaces() =>
        Follow("namespaces", Resource.Namespaces, "", _tables.Namespaces, CoreDecoders.Namespace);

    /// <summary>Follows nodes: all, or one.</summary>
    public KubernetesReflectors FollowNodes(string? nodeName = null) =>
        Follow("nodes", Resource.Nodes, nodeName is null ? "" : FieldSelector("metadata.name", nodeName), _tables.Nodes, CoreDecoders.Node);

    /// <summary>Follows services.</summary>
    public KubernetesReflectors FollowServices() =>
        Follow("services", Resource.Services, "", _tables.Services, ServiceDecoders.Service);

    /// <summary>Follows endpoint slices.</summary>
    public KubernetesReflectors FollowEndpointSlices() =>
        Follow("endpointslices", Resource.EndpointSlices, "", _tables.EndpointSlices, ServiceDecoders.EndpointSlice);

    /// <summary>Follows CiliumNodes.</summary>
    public KubernetesReflectors FollowCiliumNodes() =>
        Follow("ciliumnodes", Resource.CiliumNodes, "", _tables.CiliumNodes, CiliumNodeDecoder.Node);

    /// <summary>Follows CiliumEndpoints.</summary>
    public KubernetesReflectors FollowCiliumEndpoints() =>
        Follow("ciliumendpoints", Resource.CiliumEndpoints, "", _tables.CiliumEndpoints, CiliumDecoders.CiliumEndpoint);

    /// <summary>Follows CiliumIdentities.</summary>
    public KubernetesReflectors FollowCiliumIdentities() =>
        Follow("ciliumidentities", Resource.CiliumIdentities, "", _tables.CiliumIdentities, CiliumDecoders.CiliumIdentity);

    /// <summary>Follows CiliumPodIPPools.</summary>
    public KubernetesReflectors FollowPodIPPools() =>
        Follow("ciliumpodippools", Resource.CiliumPodIPPools, "", _tables.PodIPPools, PoolDecoders.PodIPPool);

    /// <summary>Follows CiliumLoadBalancerIPPools.</summary>
    public KubernetesReflectors FollowLoadBalancerIPPools() =>
        Follow("ciliumloadbalancerippools", Resource.CiliumLoadBalancerIPPools, "", _tables.LoadBalancerIPPools, PoolDecoders.LoadBalancerIPPool);

    /// <summary>Follows one kind of policy objects; all kinds share a table.</summary>
    public KubernetesReflectors FollowPolicies(PolicyObjectKind kind)
    {
        var resource = Resource.Of(kind);
        Add(new ReflectorTarget<PolicyObjectKey, PolicyObjectRow>(
            resource.Plural, resource, "", _tables.Policies, PolicyObjectDecoder.For(kind), key => key.Kind == kind));
        return this;
    }

    /// <summary>Follows a kind of your own into a table of your own, which must have no other writer.</summary>
    /// <param name="resource">The kind; its plural name is that of the table's initializer.</param>
    /// <param name="table">The table.</param>
    /// <param name="decode">Turns an object into a row.</param>
    /// <exception cref="InvalidOperationException">The table follows a kind of that name already, or is initialized.</exception>
    public KubernetesReflectors Follow<TKey, TRow>(Resource resource, Table<TKey, TRow> table, RowDecoder<TRow> decode)
        where TKey : notnull
        where TRow : class
    {
        ArgumentNullException.ThrowIfNull(resource);
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(decode);
        return Follow(resource.Plural, resource, "", table, decode);
    }

    /// <summary>Runs all until cancelled. One that fails for a reason that waiting does not cure ends all, and with that failure.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = _reflectors.ConvertAll(reflector => Task.Run(() => reflector.RunAsync(stop.Token), CancellationToken.None));
        try
        {
            await foreach (var ended in Task.WhenEach(running).WithCancellation(CancellationToken.None))
            {
                await ended;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(running.Select(async task => await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing)));
        }
    }

    private static string FieldSelector(string field, string value) => $"&fieldSelector={Uri.EscapeDataString($"{field}={value}")}";

    private KubernetesReflectors Follow<TKey, TRow>(
        string source, Resource resource, string selector, Table<TKey, TRow> table, RowDecoder<TRow> decode)
        where TKey : notnull
        where TRow : class
    {
        Add(new ReflectorTarget<TKey, TRow>(source, resource, selector, table, decode, static _ => true));
        return this;
    }

    private void Add<TKey, TRow>(ReflectorTarget<TKey, TRow> target)
        where TKey : notnull
        where TRow : class
        => _reflectors.Add(new Reflector<TKey, TRow>(_connection, target, _options, _logger));
}
