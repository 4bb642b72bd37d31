Console.Error.WriteLine("cilium-dbg: not assembled yet");
return 1;
