using System.Globalization;
using Cilium.ControlPlane.Agent;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>Gives services of type LoadBalancer addresses of CiliumLoadBalancerIPPools, and tells on both what came of it.</summary>
/// <remarks>Each pass makes a plan of everything the tables hold and writes what differs, so that a missed step is made up by the next.</remarks>
internal sealed partial class LoadBalancerIpamLoop(
    KubernetesTables tables, OperatorOptions options, LoadBalancerStatusWriter writer, EventWriter events, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_gather = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private bool _isActive;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Services.WaitInitializedAsync(cancellationToken);
        await tables.LoadBalancerIPPools.WaitInitializedAsync(cancellationToken);
        using var services = tables.Services.Subscribe();
        using var pools = tables.LoadBalancerIPPools.Subscribe();
        var wakeup = new Wakeup(time, services.WaitAsync, pools.WaitAsync);
        while (true)
        {
            services.Drain();
            pools.Drain();
            var isDone = await ReconcileAsync(cancellationToken);
            await Task.Delay(s_gather, time, cancellationToken);
            await wakeup.WaitAsync(isDone ? null : s_retry, cancellationToken);
        }
    }

    private async Task<bool> ReconcileAsync(CancellationToken cancellationToken)
    {
        var pools = tables.LoadBalancerIPPools.Snapshot().Values.ToList();
        var all = tables.Services.Snapshot().Values.ToList();

        // Without a pool ever seen, and without a trace of one on a service, load balancers are somebody else's.
        _isActive |= pools.Count > 0 || all.Exists(service => LoadBalancerServices.ConditionOf(service) is not null);
        if (!_isActive)
        {
            return true;
        }

        var services = all.FindAll(service => LoadBalancerServices.IsOurs(service, options));
        var plan = LoadBalancerPlan.Make(services.Select(service => LoadBalancerServices.RequestOf(service, options)), pools.Select(pool => pool.Pool));
        var isDone = true;
        foreach (var service in services)
        {
            isDone &= await TryAsync(service.Key.ToString(), () => WriteAsync(service, plan.Answers[(service.Namespace, service.Name)], cancellationToken));
        }

        foreach (var service in all.Where(service => !LoadBalancerServices.IsOurs(service, options) && LoadBalancerServices.ConditionOf(service) is not null))
        {
            isDone &= await TryAsync(service.Key.ToString(), () => writer.SetServiceAsync(service.Key, [], LoadBalancerServices.ConditionType, null, cancellationToken));
        }

        foreach (var state in plan.Pools)
        {
            var row = pools.Find(pool => pool.Name == state.Name)!;
            var conditions = ConditionsOf(state);
            if (!conditions.All(condition => row.Conditions.Contains(condition)))
            {
                isDone &= await TryAsync(state.Name, () => writer.SetPoolAsync(state.Name, conditions, cancellationToken));
            }
        }

        return isDone;
    }

    private static List<StatusCondition> ConditionsOf(LoadBalancerPoolState state) =>
    [
        state.Conflict.Length > 0
            ? new StatusCondition("cilium.io/PoolConflict", "True", "cidr_overlap", state.Conflict)
            : new StatusCondition("cilium.io/PoolConflict", "False", "resolved", ""),
        new StatusCondition("cilium.io/IPsTotal", "Unknown", "noreason", state.Total.ToString(CultureInfo.InvariantCulture)),
        new StatusCondition("cilium.io/IPsAvailable", "Unknown", "noreason", state.Available.ToString(CultureInfo.InvariantCulture)),
        new StatusCondition("cilium.io/IPsUsed", "Unknown", "noreason", state.Used.ToString(CultureInfo.InvariantCulture)),
    ];

    private async Task WriteAsync(ServiceRow service, LoadBalancerAnswer answer, CancellationToken cancellationToken)
    {
        var condition = new StatusCondition(LoadBalancerServices.ConditionType, answer.IsSatisfied ? "True" : "False", answer.Reason, answer.Message);
        var former = LoadBalancerServices.ConditionOf(service);
        if (former == condition && service.LoadBalancerIPs == answer.Addresses)
        {
            return;
        }

        await writer.SetServiceAsync(service.Key, answer.Addresses, LoadBalancerServices.ConditionType, condition, cancellationToken);
        LogAssigned(logger, service.Key.ToString(), answer.Addresses.ToString(), answer.Reason);
        if (!answer.IsSatisfied && former != condition)
        {
            await events.WriteAsync(Resource.Services, service.Key, service.Uid, true, "IPAMRequestNotSatisfied", answer.Message, cancellationToken);
        }
    }

    private async Task<bool> TryAsync(string what, Func<Task> write)
    {
        try
        {
            await write();
            return true;
        }
        catch (Exception exception) when (exception is KubernetesException or HttpRequestException or IOException or TimeoutException or System.Text.Json.JsonException)
        {
            LogFailed(logger, what, exception.Message);
            return false;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Service {Service} has {Addresses}: {Reason}")]
    private static partial void LogAssigned(ILogger logger, string service, string addresses, string reason);

    [LoggerMessage(2, LogLevel.Warning, "Writing the status of {Object} failed, trying again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string @object, string reason);
}
