using Cilium.Core.Tables;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Mode <c>eni</c>: nodes get interfaces and addresses in the cloud as they need them, and give back what is too many.</summary>
/// <remarks>What a node may give is always what the cloud was seen to have given it: nothing is promised, and nothing is remembered across restarts.</remarks>
internal sealed partial class InterfaceLoop
{
    private static readonly TimeSpan s_unknownAgain = TimeSpan.FromSeconds(10);
    private readonly IReadTable<string, CiliumNodeRow> _nodes;
    private readonly NodeInterfaceWriter _writer;
    private readonly IInterfaceCloud _cloud;
    private readonly InterfaceOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CloudView _view;
    private readonly NodeInterfaceSteps _steps;
    private readonly KeyedLoop<string> _loop;
    private readonly Dictionary<string, ReleaseHandshake> _handshakes = [];

    public InterfaceLoop(
        IReadTable<string, CiliumNodeRow> nodes, NodeInterfaceWriter writer, IInterfaceCloud cloud, InterfaceOptions options, TimeProvider time, Random random, ILogger logger)
    {
        _nodes = nodes;
        _writer = writer;
        _cloud = cloud;
        _options = options;
        _time = time;
        _logger = logger;
        _view = new CloudView(cloud, time);
        _steps = new NodeInterfaceSteps(cloud, _view, options);
        _loop = new KeyedLoop<string>("eni", HandleAsync, time, random, logger).Watch(nodes)
            .LookAgain(options.LookAgain, () => nodes.Snapshot().Values.Select(node => node.Name));
    }

    public Task RunAsync(CancellationToken cancellationToken) => _loop.RunAsync(cancellationToken);

    internal async Task HandleAsync(string name, CancellationToken cancellationToken)
    {
        if (!_nodes.TryGet(name, out var node))
        {
            _handshakes.Remove(name);
            return;
        }

        // 1. Without an instance there is nothing to do yet: its agent tells.
        var instance = node.Instance.Id;
        if (instance.Length == 0)
        {
            return;
        }

        await _view.RefreshAsync(_options.LookAgain, cancellationToken);
        if (!_view.Knows(instance))
        {
            await _view.RefreshAsync(s_unknownAgain, cancellationToken);
        }

        // 2. What is too many back, what is needed in, as far as the cloud goes along.
        var states = new Dictionary<string, string?>();
        var (problem, refused) = ("", default(CloudRefusedException));
        if (!_view.Knows(instance))
        {
            problem = $"EC2 does not know instance {instance}";
        }
        else
        {
            try
            {
                problem = await ChangeAsync(node, states, cancellationToken);
            }
            catch (CloudRefusedException exception)
            {
                refused = exception;
                problem = exception.Message;
                await _view.RefreshInstanceAsync(instance, cancellationToken);
            }
        }

        // 3. Interfaces before addresses on them, so that a node never has an address that leads nowhere.
        if (problem != node.OperatorError && problem.Length > 0)
        {
            LogProblem(_logger, name, problem);
        }

        await _writer.SetStatusAsync(node, _steps.Told(node), states, problem, cancellationToken);
        await _writer.SetPoolAsync(node, _steps.PoolOf(node), cancellationToken);
        if (refused is not null)
        {
            throw refused;
        }
    }

    /// <returns>What is wrong; empty when all is well.</returns>
    private async Task<string> ChangeAsync(CiliumNodeRow node, Dictionary<string, string?> states, CancellationToken cancellationToken)
    {
        if (await _cloud.LimitsOfAsync(node.Instance.Type, cancellationToken) is not { } limits)
        {
            return $"it is not known what instances of type '{node.Instance.Type}' can hold";
        }

        await ReleaseAsync(node, limits, states, cancellationToken);
        var plan = InterfacePlanner.Plan(_steps.DemandOf(node, limits));
        if (plan.Assignments.Count + plan.Attachments.Count > 0)
        {
            LogPlan(_logger, node.Name, plan.Assignments.Count, plan.Attachments.Count);
            await _steps.CarryOutAsync(node, plan, limits, cancellationToken);
        }

        return plan.Problem;
    }

    private async Task ReleaseAsync(CiliumNodeRow node, InstanceLimits limits, Dictionary<string, string?> states, CancellationToken cancellationToken)
    {
        var known = new Dictionary<Core.IpAddr, string>();
        foreach (var (text, state) in node.ReleaseAddresses)
        {
            if (Core.IpAddr.TryParse(text, out var address))
            {
                known[address] = state;
            }
        }

        // What is under way is brought to its end even where it was switched off meanwhile.
        if (!_options.ReleasesExcess && known.Count == 0)
        {
            return;
        }

        if (!_handshakes.TryGetValue(node.Name, out var handshake))
        {
            _handshakes[node.Name] = handshake = new ReleaseHandshake(_options.ReleaseDelay, _time);
        }

        var steps = handshake.Next(_options.ReleasesExcess ? InterfacePlanner.Releasable(_steps.DemandOf(node, limits)) : [], known);
        foreach (var (address, state) in steps.States)
        {
            states[address.ToString()] = state;
        }

        if (steps.Unassign.Count > 0)
        {
            LogReleased(_logger, node.Name, string.Join(", ", steps.Unassign));
            await _steps.UnassignAsync(node, handshake, steps.Unassign, cancellationToken);
            // Said to be released when it is off the list, which is the next time.
            _loop.Ask(node.Name);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Node {Node}: more addresses on {Assignments} interfaces, {Attachments} new interfaces")]
    private static partial void LogPlan(ILogger logger, string node, int assignments, int attachments);

    [LoggerMessage(2, LogLevel.Information, "Node {Node} gives back {Addresses}")]
    private static partial void LogReleased(ILogger logger, string node, string addresses);

    [LoggerMessage(3, LogLevel.Warning, "Node {Node}: {Problem}")]
    private static partial void LogProblem(ILogger logger, string node, string problem);
}
