using System.CommandLine;
using System.Text.Json;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Hosts.Dbg.Bpf;
using Cilium.Hosts.Dbg.Output;
using Cilium.Simulation.Explaining;
using Cilium.Simulation.Snapshots;
using Cilium.VirtualNetwork.Captures;

namespace Cilium.Hosts.Dbg.Explain;

/// <summary><c>cilium-dbg explain</c>: a packet run through a copy of this node, touching no traffic.</summary>
internal static class ExplainCommand
{
    private const string Host = "host";
    private static readonly Option<string?> s_from = new("--from") { Description = "The sender: namespace/pod of this node, the number of an endpoint, or host for the node itself." };
    private static readonly Option<string?> s_to = new("--to") { Description = "The receiver: namespace/pod, an address, svc/name or svc/namespace/name." };
    private static readonly Option<ushort> s_port = new("--port") { Description = "The destination port." };
    private static readonly Option<string> s_protocol = new("--proto") { Description = "tcp, udp, sctp or icmp.", DefaultValueFactory = _ => "tcp" };
    private static readonly Option<string?> s_frame = new("--frame") { Description = "A frame of a capture file in place of --from and --to: FILE, or FILE:N for the Nth." };
    private static readonly Option<string?> s_device = new("--device") { Description = "The device that receives the frame." };

    public static Command Create(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var command = new Command("explain", "Run a packet through a copy of this node's datapath and tell what decided about it")
        {
            s_from, s_to, s_port, s_protocol, s_frame, s_device, output,
        };
        command.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            try
            {
                var walk = await AgentRules.NameAsync(agent.Client(arguments), await ExplainAsync(agent, arguments, cancellationToken), cancellationToken);
                using var json = JsonDocument.Parse(new ExplainAnswer([walk], [], [], null).ToJson());
                if (!OutputFormat.TryWrite(arguments, output, json.RootElement, BpfJson.Default.JsonElement))
                {
                    WalkText.Write(arguments.InvocationConfiguration.Output, walk);
                }
            }
            catch (Exception wrong) when (wrong is QuestionException or SnapshotException or CaptureFormatException)
            {
                throw new FormatException(wrong.Message, wrong);
            }
        }));
        return command;
    }

    private static async Task<Walk> ExplainAsync(AgentOptions agent, ParseResult arguments, CancellationToken cancellationToken)
    {
        var names = await AgentNames.ReadAsync(agent.Client(arguments), cancellationToken);
        var root = await agent.BpfRootAsync(arguments, cancellationToken);
        if (arguments.GetValue(s_frame) is { } file)
        {
            var device = arguments.GetValue(s_device) ?? throw new QuestionException("--frame needs --device");
            var frame = CaptureFrame.Read(file);
            using var copy = NodeSnapshot.Take(root, NodeNamespace.Own, names.LabelsOf, names.NameOf);
            return copy.ExplainFrame(device, frame);
        }

        var from = arguments.GetValue(s_from) ?? throw new QuestionException("--from is missing");
        var to = arguments.GetValue(s_to) ?? throw new QuestionException("--to is missing");
        if (!ProtocolNames.TryParse(arguments.GetValue(s_protocol)!, out var protocol))
        {
            throw new QuestionException("--proto must be tcp, udp, sctp or icmp");
        }

        EndpointId? endpoint = from == Host ? null : names.Endpoint(from);
        var address = names.Address(to);
        var name = endpoint is { } known ? names.NameOf(known) ?? $"endpoint-{known}" : Host;
        var question = new Question(Question.NameOf(name), to, protocol == L4Protocol.Icmp ? (ushort)0 : arguments.GetValue(s_port), protocol);
        using var snapshot = NodeSnapshot.Take(root, NodeNamespace.Own, names.LabelsOf, names.NameOf);
        return endpoint is { } sender ? snapshot.Explain(sender, address, question) : snapshot.ExplainFromNode(address, question);
    }
}
