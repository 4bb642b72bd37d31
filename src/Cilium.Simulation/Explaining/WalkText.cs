namespace Cilium.Simulation.Explaining;

/// <summary>Prints walks for people.</summary>
public static class WalkText
{
    /// <summary>Prints a walk: its steps with lookups, the decisions with their rules, the verdict, the packet as it arrived or left.</summary>
    public static void Write(TextWriter writer, Walk walk)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(walk);
        writer.WriteLine($"{walk.From} -> {walk.To} {walk.Protocol}{(walk.Port == 0 ? "" : $"/{walk.Port}")}");
        writer.WriteLine();
        foreach (var step in walk.Steps)
        {
            writer.WriteLine($"{step.Where}");
            writer.WriteLine($"  {step.What}");
            foreach (var lookup in step.Lookups)
                writer.WriteLine($"    {lookup}");
        }
        writer.WriteLine();
        writer.WriteLine(walk.Decisions.Count == 0 ? "Policy: none is enforced on the way" : "Policy:");
        foreach (var decision in walk.Decisions)
        {
            var peer = decision.Direction == "ingress" ? "from" : "to";
            writer.WriteLine($"  {decision.Direction} of {decision.Endpoint} {peer} {decision.Peer}: {decision.Verdict}");
            if (decision.Entry.Length > 0)
                writer.WriteLine($"    entry: {decision.Entry}");
            foreach (var rule in decision.Rules)
                writer.WriteLine($"    {(decision.Entry.Length > 0 ? "by" : "enforced by")} {rule}");
        }
        writer.WriteLine();
        writer.WriteLine($"Verdict: {Verdict(walk)}");
        if (walk.SourceLine.Length > 0)
            writer.WriteLine($"  {walk.SourceLine}");
        if (walk.Packet is { } packet)
            Write(writer, packet);
    }

    private static void Write(TextWriter writer, LeavingPacket packet)
    {
        const int digitsOfLine = 32;
        const int digitsOfGroup = 4;
        writer.WriteLine();
        writer.WriteLine($"Packet at {packet.Device}, {packet.Bytes} bytes:");
        foreach (var header in packet.Headers)
            writer.WriteLine($"  {header}");
        var lines = packet.Hex.Chunk(digitsOfLine);
        foreach (var (i, line) in lines.Index())
            writer.WriteLine($"    {i * digitsOfLine / 2:x4}: {string.Join(' ', line.Chunk(digitsOfGroup).Select(group => new string(group)))}");
    }

    /// <summary>The verdict in one line.</summary>
    public static string Verdict(Walk walk)
    {
        ArgumentNullException.ThrowIfNull(walk);
        return walk.Outcome switch
        {
            Outcome.Delivered => $"DELIVERED to {walk.Where}",
            Outcome.Dropped => $"DROPPED at {walk.Where}: {walk.Reason}{(walk.DropReason == 0 ? "" : $" ({walk.DropReason})")}",
            _ => $"REFUSED at {walk.Where}: {walk.Reason}",
        };
    }
}
