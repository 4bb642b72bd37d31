using Cilium.Hubble.Filters;
using Cilium.Hubble.Observing;
using Grpc.Core;

namespace Cilium.Hubble.Serving;

/// <summary>The gRPC face of a node's <see cref="FlowObserver"/>, service <c>observer.Observer</c>.</summary>
public sealed class ObserverService(FlowObserver observer) : Proto.Observer.ObserverBase
{
    /// <inheritdoc/>
    public override async Task GetFlows(
        Proto.GetFlowsRequest request, IServerStreamWriter<Proto.GetFlowsResponse> responseStream, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(responseStream);
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            await foreach (var response in observer.GetFlowsAsync(request, context.CancellationToken))
            {
                await responseStream.WriteAsync(response, context.CancellationToken);
            }
        }
        catch (FlowFilterException error)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, error.Message));
        }
        catch (OperationCanceledException) when (context.CancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "the client has gone"));
        }
    }

    /// <inheritdoc/>
    public override Task<Proto.ServerStatusResponse> ServerStatus(Proto.ServerStatusRequest request, ServerCallContext context) =>
        Task.FromResult(new Proto.ServerStatusResponse
        {
            NumFlows = (ulong)observer.FlowCount,
            MaxFlows = (ulong)observer.Ring.Capacity,
            SeenFlows = (ulong)observer.Ring.SeenFlows,
            UptimeNs = (ulong)observer.Uptime.Ticks * 100,
            NumConnectedNodes = 1,
            NumUnavailableNodes = 0,
            Version = observer.Options.Version,
            FlowsRate = observer.FlowsPerSecond(),
        });

    /// <summary>This node alone: a node knows of no connections to others, which is a relay's business.</summary>
    public override Task<Proto.GetNodesResponse> GetNodes(Proto.GetNodesRequest request, ServerCallContext context)
    {
        var response = new Proto.GetNodesResponse();
        response.Nodes.Add(new Proto.Node
        {
            Name = observer.NodeName,
            Version = observer.Options.Version,
            Address = observer.Options.ListenAddress.Length != 0 ? observer.Options.ListenAddress : $"unix://{observer.Options.SocketPath}",
            State = Proto.NodeState.NodeConnected,
            Tls = new Proto.TLS { Enabled = !observer.Options.DisableTls },
            UptimeNs = (ulong)observer.Uptime.Ticks * 100,
            NumFlows = (ulong)observer.FlowCount,
            MaxFlows = (ulong)observer.Ring.Capacity,
            SeenFlows = (ulong)observer.Ring.SeenFlows,
        });
        return Task.FromResult(response);
    }

    /// <summary>The namespaces of the endpoints that are known now.</summary>
    public override Task<Proto.GetNamespacesResponse> GetNamespaces(Proto.GetNamespacesRequest request, ServerCallContext context)
    {
        var response = new Proto.GetNamespacesResponse();
        var names = observer.Index.Current.Endpoints.Values.Select(endpoint => endpoint.Namespace).Where(name => name.Length != 0);
        response.Namespaces.AddRange(names.Distinct().Order(StringComparer.Ordinal)
            .Select(name => new Proto.Namespace { Cluster = observer.Options.ClusterName, Namespace_ = name }));
        return Task.FromResult(response);
    }
}
