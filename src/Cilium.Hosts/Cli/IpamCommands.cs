using System.CommandLine;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.Hosts.Cli;

/// <summary><c>cilium ipam check|plan|apply</c>: the addresses of a cluster. Exit codes: 0 all is well, 1 it could not be found out, 2 something is wrong or would change.</summary>
internal static class IpamCommands
{
    private const int SomethingFound = 2;

    public static Command Create(ClusterOptions cluster) => new("ipam", "Check addresses and change the CIDRs of pools") { Check(cluster), Plan(cluster), Apply(cluster) };

    private static Command Check(ClusterOptions cluster)
    {
        var repair = new Option<bool>("--repair") { Description = "Repair what can be repaired without harm, and tell what is left." };
        var settle = new Option<string>("--settle")
        {
            Description = "How long something must be wrong to be told: what pods do meanwhile is not wrong (default 3s).",
            DefaultValueFactory = _ => "3s",
        };
        var output = Output();
        var command = new Command("check", "Find leaked, doubly owned and foreign addresses and CIDRs") { repair, settle, output };
        command.SetAction((arguments, cancellationToken) => ClusterOptions.Run(arguments, async () =>
        {
            using var connection = cluster.Open(arguments);
            var inNamespace = cluster.Namespace(arguments);
            var check = new ClusterAddressCheck(
                new ClusterAddressReader(connection.Kubernetes, inNamespace), new ClusterAddressWriter(connection.Kubernetes, inNamespace), TimeProvider.System);
            var report = await check.RunAsync(WaitDuration.Parse(arguments.GetValue(settle)!), arguments.GetValue(repair), cancellationToken);
            IpamText.Write(arguments.InvocationConfiguration.Output, report, arguments.GetValue(output) == "json");
            return report.IsClean ? 0 : SomethingFound;
        }));
        return command;
    }

    private static Command Plan(ClusterOptions cluster)
    {
        var change = new ChangeOptions();
        var output = Output();
        var command = new Command("plan", "Show how a pool stands, and what a change of its CIDRs would move") { output };
        change.AddTo(command);
        command.SetAction((arguments, cancellationToken) => ClusterOptions.Run(arguments, async () =>
        {
            using var connection = cluster.Open(arguments);
            var addresses = await new ClusterAddressReader(connection.Kubernetes, cluster.Namespace(arguments)).ReadAsync(cancellationToken);
            var plan = PoolPlanner.Plan(addresses, change.Get(arguments));
            IpamText.Write(arguments.InvocationConfiguration.Output, plan, arguments.GetValue(output) == "json");
            return plan.Problems.Count > 0 ? 1 : plan.HasChange ? SomethingFound : 0;
        }));
        return command;
    }

    private static Command Apply(ClusterOptions cluster)
    {
        var change = new ChangeOptions();
        var restart = new Option<bool>("--restart", "-r")
        {
            Description = "Restart operator and agents where they read pools only at their start, in mode cluster-pool (default true).",
            DefaultValueFactory = _ => true,
        };
        var output = Output();
        var command = new Command("apply", "Change the CIDRs of a pool: only new addresses move") { restart, output };
        change.AddTo(command);
        command.SetAction((arguments, cancellationToken) => ClusterOptions.Run(arguments, async () =>
        {
            using var connection = cluster.Open(arguments);
            var inNamespace = cluster.Namespace(arguments);
            var addresses = await new ClusterAddressReader(connection.Kubernetes, inNamespace).ReadAsync(cancellationToken);
            var plan = PoolPlanner.Plan(addresses, change.Get(arguments));
            IpamText.Write(arguments.InvocationConfiguration.Output, plan, arguments.GetValue(output) == "json");
            if (plan is { Problems.Count: > 0 } or { HasChange: false })
            {
                return plan.Problems.Count > 0 ? 1 : 0;
            }

            var writer = new ClusterAddressWriter(connection.Kubernetes, inNamespace);
            await writer.ApplyAsync(addresses, plan, cancellationToken);
            if (addresses.Mode == "cluster-pool" && arguments.GetValue(restart))
            {
                await writer.RestartAsync(cancellationToken);
            }

            return 0;
        }));
        return command;
    }

    private static Option<string> Output()
    {
        var output = new Option<string>("--output", "-o") { Description = "summary or json.", DefaultValueFactory = _ => "summary" };
        output.AcceptOnlyFromAmong("summary", "json");
        return output;
    }

    /// <summary>Which CIDRs of which pool shall change.</summary>
    private sealed class ChangeOptions
    {
        private readonly Option<string> _pool = new("--pool") { Description = "The pool; in mode cluster-pool there is one, default.", DefaultValueFactory = _ => PoolNames.Default };
        private readonly Option<string[]> _add = new("--add") { Description = "A CIDR from which nodes get CIDRs too; may be repeated.", DefaultValueFactory = _ => [] };
        private readonly Option<string[]> _drain = new("--drain") { Description = "A CIDR that shall give nothing more; may be repeated.", DefaultValueFactory = _ => [] };

        public void AddTo(Command command)
        {
            command.Options.Add(_pool);
            command.Options.Add(_add);
            command.Options.Add(_drain);
        }

        public PoolChange Get(ParseResult arguments) => new(
            arguments.GetValue(_pool)!, [.. arguments.GetValue(_add)!.Select(Prefix.Parse)], [.. arguments.GetValue(_drain)!.Select(Prefix.Parse)]);
    }
}
